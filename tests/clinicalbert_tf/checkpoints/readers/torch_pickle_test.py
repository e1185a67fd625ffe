"""torch files read without torch: values, views, types, and that nothing in them runs."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from clinicalbert_tf.checkpoints.readers.pickle_opcodes import interpret
from clinicalbert_tf.checkpoints.readers.torch_pickle import TorchFileError, read_torch_checkpoint

STORAGES = {
    "f4": "FloatStorage",
    "f2": "HalfStorage",
    "f8": "DoubleStorage",
    "i8": "LongStorage",
    "u1": "ByteStorage",
}
FLOATS = np.arange(12, dtype="f4")


class Name:
    """A GLOBAL opcode."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """A REDUCE opcode."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class Persistent:
    """A BINPERSID opcode."""

    def __init__(self, *identity):
        self.identity = identity


def opcodes(value):
    """The protocol 2 opcodes that torch.save would write of a value."""
    if isinstance(value, bool) or value is None:
        return {True: b"\x88", False: b"\x89", None: b"N"}[value]
    if isinstance(value, int):
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(data)]) + data
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    if isinstance(value, tuple):
        return b"(" + b"".join(map(opcodes, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(opcodes, value)) + b"e"
    if isinstance(value, dict):
        items = b"".join(opcodes(k) + opcodes(v) for k, v in value.items())
        return b"}(" + items + b"u"
    if isinstance(value, Name):
        return f"c{value.module}\n{value.name}\n".encode()
    if isinstance(value, Call):
        return opcodes(value.function) + opcodes(value.arguments) + b"R"
    return opcodes(value.identity) + b"Q"


def to_pickle(value):
    return b"\x80\x02" + opcodes(value) + b"."


def tensor(key, numel, size, stride, offset=0, storage="FloatStorage", view=()):
    place = Persistent("storage", Name("torch", storage), key, "cpu", numel, *view)
    hooks = Call(Name("collections", "OrderedDict"))
    rebuild = Name("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, place, offset, size, stride, False, hooks)


def write_zip(path, value, storages, byteorder=None):
    data = value if isinstance(value, bytes) else to_pickle(value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        for key, array in storages.items():
            archive.writestr(f"archive/data/{key}", array.tobytes())
        if byteorder:
            archive.writestr("archive/byteorder", byteorder)
    return path


def write_legacy(path, value, storages):
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    with open(path, "wb") as file:
        for part in head:
            file.write(to_pickle(part))
        file.write(value if isinstance(value, bytes) else to_pickle(value))
        file.write(to_pickle(list(storages)))
        for array in storages.values():
            file.write(struct.pack("<q", array.size) + array.tobytes())
    return path


WRITERS = pytest.mark.parametrize(
    "write",
    [write_zip, lambda path, value, s: write_legacy(path, _with_view(value), s)],
    ids=["zip", "legacy"],
)


def _with_view(value):
    """Legacy persistent ids end with the view of a storage, None for the whole."""
    if isinstance(value, Persistent):
        return Persistent(*value.identity, None)
    if isinstance(value, Call):
        return Call(value.function, *map(_with_view, value.arguments))
    return {k: _with_view(v) for k, v in value.items()} if isinstance(value, dict) else value


@WRITERS
def test_whole_strided_and_shifted_tensors_have_their_values(tmp_path, write):
    value = {
        "whole": tensor("0", 12, (3, 4), (4, 1)),
        "transposed": tensor("0", 12, (4, 3), (1, 4)),
        "part": tensor("0", 12, (2, 2), (4, 1), offset=5),
        "scalar": tensor("0", 12, (), (), offset=7),
        "empty": tensor("0", 12, (0, 4), (4, 1)),
        "other": tensor("1", 2, (2,), (1,)),
    }
    storages = {"0": FLOATS, "1": np.array([-1, -2], "f4")}
    tensors = read_torch_checkpoint(write(tmp_path / "pytorch_model.bin", value, storages))
    square = FLOATS.reshape(3, 4)
    np.testing.assert_array_equal(tensors["whole"], square)
    np.testing.assert_array_equal(tensors["transposed"], square.T)
    np.testing.assert_array_equal(tensors["part"], square[1:, 1:3])
    np.testing.assert_array_equal(tensors["other"], [-1, -2])
    assert tensors["scalar"] == 7 and tensors["empty"].shape == (0, 4)
    assert tensors.shapes["transposed"] == (4, 3)
    assert tensors["transposed"].flags.c_contiguous


@WRITERS
@pytest.mark.parametrize("dtype", list(STORAGES))
def test_every_type_keeps_its_numbers(tmp_path, write, dtype):
    array = np.array([0, 1, 100, 7], dtype)
    value = {"a": tensor("0", 4, (4,), (1,), storage=STORAGES[dtype])}
    found = read_torch_checkpoint(write(tmp_path / "m.bin", value, {"0": array}))["a"]
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_bfloat16_becomes_float32_exactly(tmp_path):
    exact = np.array([1.0, -2.5, 3.140625, 1e-30], "f4").view("u4") & 0xFFFF0000
    value = {"a": tensor("0", 4, (4,), (1,), storage="BFloat16Storage")}
    upper = (exact >> 16).astype("u2")
    found = read_torch_checkpoint(write_zip(tmp_path / "m.bin", value, {"0": upper}))["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view("u4"), exact)


def test_big_endian_files_are_read(tmp_path):
    value = {"a": tensor("0", 12, (12,), (1,))}
    path = write_zip(tmp_path / "m.bin", value, {"0": FLOATS.astype(">f4")}, byteorder="big")
    np.testing.assert_array_equal(read_torch_checkpoint(path)["a"], FLOATS)


def test_a_view_of_a_legacy_storage_begins_where_it_says(tmp_path):
    value = {"a": tensor("0", 12, (3,), (1,), offset=1, view=(("v", 4, 6),))}
    path = write_legacy(tmp_path / "m.bin", value, {"0": FLOATS})
    np.testing.assert_array_equal(read_torch_checkpoint(path)["a"], [5, 6, 7])


def test_parameters_metadata_and_wrapped_state_dicts_are_read(tmp_path):
    weight = tensor("0", 12, (3, 4), (4, 1))
    parameter = Call(Name("torch._utils", "_rebuild_parameter"), weight, True, ())
    path = tmp_path / "m.bin"
    items = opcodes({"weight": parameter}).removeprefix(b"}")
    metadata = opcodes({"_metadata": {"": {"version": 1}}}) + b"b"
    ordered = opcodes(Call(Name("collections", "OrderedDict"))) + items + metadata
    write_zip(path, b"\x80\x02" + ordered + b".", {"0": FLOATS})
    np.testing.assert_array_equal(read_torch_checkpoint(path)["weight"], FLOATS.reshape(3, 4))
    write_zip(path, {"epoch": 3, "state_dict": {"w": weight, "note": "x"}}, {"0": FLOATS})
    assert list(read_torch_checkpoint(path)) == ["w"]


class RunsTouch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_a_pickle_that_runs_a_command_is_refused_by_name_and_runs_nothing(
    tmp_path, write, protocol
):
    touched = tmp_path / "touched"
    data = pickle.dumps(RunsTouch(touched), protocol)
    # The same bytes do run where they are unpickled: the test would see it.
    pickle.loads(data)
    assert touched.exists()
    touched.unlink()
    with pytest.raises(TorchFileError, match=r"system.*Nothing of it was run") as error:
        read_torch_checkpoint(write(tmp_path / "m.bin", data, {}))
    assert not touched.exists() and "touch " not in str(error.value)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Call(Name("builtins", "eval"), "1"), "builtins.eval"),
        (Call(Name("collections", "OrderedDict.update"), {}), "OrderedDict.update"),
        (Call(Name("torch", "load"), "x"), "torch.load"),
        (Call(Name("torch", "FloatStorage"), 3), "torch.FloatStorage as a name"),
        (Name("numpy.core.multiarray", "scalar"), "numpy.core.multiarray.scalar"),
    ],
)
def test_every_other_name_is_refused(tmp_path, value, named):
    with pytest.raises(TorchFileError, match=named):
        read_torch_checkpoint(write_zip(tmp_path / "m.bin", {"a": value}, {}))


@pytest.mark.parametrize(
    "data",
    [
        b"(S'x'\nios\nsystem\n.",
        b"(cos\nsystem\nS'x'\no.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02cos\nsystem\n)\x81.",
        b"\x80\x02}P1\n.",
    ],
    ids=["INST", "OBJ", "EXT1", "NEWOBJ", "PERSID"],
)
def test_opcodes_beyond_data_are_refused(tmp_path, data):
    with pytest.raises(TorchFileError, match="expected a pickle of tensors only"):
        read_torch_checkpoint(write_zip(tmp_path / "m.bin", data, {}))


@pytest.mark.parametrize(
    "broken",
    [
        tensor("0", 12, (3, 5), (4, 1)),
        tensor("0", 12, (1 << 40,), (0,)),
        tensor("0", 12, (2,), (-1,), offset=3),
        tensor("0", 12, (2,), (1,), offset=-1),
        tensor("0", 12, (2, 2), (1,)),
        tensor("0", 12, (2,), (1,), storage="QInt8Storage"),
        Call(Name("torch._utils", "_rebuild_tensor_v2"), "storage", 0, (1,), (1,), False, {}),
        Persistent("module", "x"),
    ],
)
def test_tensors_beyond_their_storage_are_refused(tmp_path, broken):
    with pytest.raises(TorchFileError, match=r"m\.bin: expected"):
        read_torch_checkpoint(write_zip(tmp_path / "m.bin", {"a": broken}, {"0": FLOATS}))


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_an_error(tmp_path, write, keep):
    value = {"a": tensor("0", 12, (3, 4), (4, 1), view=(None,))}
    path = write(tmp_path / "m.bin", value, {"0": FLOATS})
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(TorchFileError, match=r"m\.bin: expected.*Download"):
        read_torch_checkpoint(path)


def test_a_missing_compressed_or_short_storage_is_an_error(tmp_path):
    value, path = {"a": tensor("0", 12, (3, 4), (4, 1))}, tmp_path / "m.bin"
    for storages in ({}, {"0": FLOATS[:3]}):
        tensors = read_torch_checkpoint(write_zip(path, value, storages))
        with pytest.raises(TorchFileError, match="damaged, truncated"):
            tensors["a"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", to_pickle(value))
        archive.writestr("archive/data/0", bytes(48))
    with pytest.raises(TorchFileError, match="damaged, truncated"):
        read_torch_checkpoint(path)["a"]


def test_a_changed_byte_in_the_weights_is_an_error(tmp_path):
    path = write_zip(tmp_path / "m.bin", {"a": tensor("0", 12, (12,), (1,))}, {"0": FLOATS})
    path.write_bytes(path.read_bytes().replace(FLOATS.tobytes(), FLOATS[::-1].tobytes()))
    with pytest.raises(TorchFileError, match="damaged, truncated"):
        read_torch_checkpoint(path)["a"]


def test_other_zips_other_files_and_no_file_are_told_apart(tmp_path):
    path = tmp_path / "m.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b".")
        archive.writestr("model/constants.pkl", b".")
    with pytest.raises(TorchFileError, match="TorchScript"):
        read_torch_checkpoint(path)
    path.write_bytes(b"<html>")
    with pytest.raises(TorchFileError, match="expected a whole pickle"):
        read_torch_checkpoint(path)
    with pytest.raises(TorchFileError, match="a dict of names and tensors, received none"):
        read_torch_checkpoint(write_zip(path, {"epoch": 1}, {}))
    with pytest.raises(FileNotFoundError, match=r"none\.bin"):
        read_torch_checkpoint(tmp_path / "none.bin")


@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_writes_is_read(tmp_path, zipped):
    torch = pytest.importorskip("torch")
    base = torch.randn(5, 7)
    state = {
        "base": base,
        "transposed": base.t(),
        "part": base[1:4, 2:],
        "half": torch.randn(3).half(),
        "bfloat": torch.randn(4, 2).bfloat16(),
        "expanded": torch.arange(6).expand((1, -1)),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        **torch.nn.Linear(3, 4).state_dict(),
    }
    path = tmp_path / "pytorch_model.bin"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    tensors = read_torch_checkpoint(path)
    assert set(tensors) == set(state)
    for name, value in state.items():
        value = value.detach().float() if value.dtype == torch.bfloat16 else value.detach()
        np.testing.assert_array_equal(tensors[name], value.numpy())


@pytest.mark.parametrize("length", [1 << 40, (1 << 64) - 1])
def test_a_length_beyond_the_file_is_an_error_and_takes_no_memory(tmp_path, length):
    data = b"\x80\x04\x8e" + struct.pack("<Q", length) + b"x."
    for write in (write_zip, write_legacy):
        with pytest.raises(TorchFileError, match="expected a whole pickle"):
            read_torch_checkpoint(write(tmp_path / "m.bin", data, {}))


def test_an_index_of_the_memo_takes_no_memory():
    # pickle.Unpickler would make room for 2 ** 32 entries, tens of gigabytes.
    assert interpret(b"K\x01r\xff\xff\xff\xff.", {}, None) == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
