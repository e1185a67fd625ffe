"""pytorch_model.bin -> arrays, without executing its pickle and without torch.

A pickle is a program; unpickling a file from elsewhere runs whatever it says. Here its opcodes
are read one by one (pickle_opcodes), the few functions that rebuild a tensor are known by name
and become plain descriptions, and any other name ends the reading.

Source: torch.save as of torch 1.0 to 2.13, zip format and the older one without zip.
"""

import dataclasses
import math
import os
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

from clinicalbert_tf.checkpoints.readers.pickle_opcodes import (
    PickleError,
    Symbol,
    interpret,
)
from clinicalbert_tf.checkpoints.source import LazyTensor, LazyTensors

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_ZIP_BEGINNING = b"PK\x03\x04"
# A BERT's names and shapes take tens of kilobytes.
_MOST_PICKLE_BYTES = 64 << 20
# bfloat16 is the upper half of a float32; NumPy has no name for it.
_STORAGE_TYPES = {
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "DoubleStorage": "f8",
    "BFloat16Storage": "bf16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
# RuntimeError is zipfile's for encrypted members and unknown compressions.
_DAMAGE = (zipfile.BadZipFile, EOFError, OSError, KeyError, RuntimeError, ValueError)
_WRAPPERS = ("state_dict", "model_state_dict", "model")


class TorchFileError(ValueError):
    """A torch file is damaged, is none, or holds more than tensors."""


@dataclasses.dataclass(frozen=True)
class _Storage:
    """A run of numbers in the file: what a persistent id of the pickle stands for."""

    key: str
    dtype: str
    numel: int
    offset: int = 0


@dataclasses.dataclass(frozen=True)
class _Tensor:
    """A strided view of a storage; offset and strides are in elements."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_torch_checkpoint(path: str | os.PathLike) -> LazyTensors:
    """Reads the names of a file of tensors; the tensors themselves when they are asked for.

    Args:
        path: pytorch_model.bin or any file that torch.save wrote of a dict of tensors, also one
            below "state_dict" or "model". What is no tensor in it is left out.

    Returns:
        Arrays by torch's names; bfloat16 comes as float32, the rest in its own dtype.

    Raises:
        FileNotFoundError: there is no such file.
        TorchFileError: not such a file, damaged, or its pickle needs anything but the rebuilding
            of tensors (the name of that function or class is told, nothing of it is run).
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"Expected a torch file at {path}, found none. Check the path.")
    with open(path, "rb") as file:
        is_zip = file.read(len(_ZIP_BEGINNING)) == _ZIP_BEGINNING
    try:
        top, read_storage = _read_zip(path) if is_zip else _read_legacy(path)
        tensors = _tensors_of(top)
    except TorchFileError:
        raise
    except PickleError as error:
        raise TorchFileError(f"{path}: {error}") from None
    except (*_DAMAGE, TypeError) as error:
        raise _damaged(path, error) from None
    if not tensors:
        raise TorchFileError(
            f"{path}: expected a dict of names and tensors, received none. Give the file that "
            "torch.save wrote of a model's state_dict."
        )
    return LazyTensors({name: _lazy(path, t, read_storage) for name, t in tensors.items()})


def _damaged(path: str, error: Exception) -> TorchFileError:
    return TorchFileError(
        f"{path}: expected a file that torch.save wrote, received a damaged, truncated or other "
        f"one of {os.path.getsize(path):,} bytes ({error.__class__.__name__}). Download it again."
    )


def _read_zip(path: str) -> tuple[Any, Callable[[_Storage], np.ndarray]]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        pickles = [name for name in names if name.rsplit("/", 1)[-1] == "data.pkl"]
        if len(pickles) != 1 or any(name.endswith("constants.pkl") for name in names):
            raise TorchFileError(
                f"{path}: expected torch.save's data.pkl, received another zip (TorchScript or "
                "no torch file). Give the file of a model's state_dict."
            )
        if archive.getinfo(pickles[0]).file_size > _MOST_PICKLE_BYTES:
            raise TorchFileError(
                f"{path}: expected a data.pkl of at most {_MOST_PICKLE_BYTES:,} bytes, received "
                "more. Save the model's state_dict only."
            )
        root = pickles[0][: -len("data.pkl")]
        order = archive.read(f"{root}byteorder").decode() if f"{root}byteorder" in names else ""
        top = interpret(archive.read(pickles[0]), _REBUILD, _persistent_storage)
    byte_order = ">" if order.strip() == "big" else "<"

    def read_storage(storage: _Storage) -> np.ndarray:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(f"{root}data/{storage.key}")
            expected = storage.numel * _item_size(storage.dtype)
            # torch stores without compression, so the file's own size bounds what is read.
            if info.compress_type != zipfile.ZIP_STORED or info.file_size < expected:
                raise zipfile.BadZipFile("storage size")
            return _decode(archive.read(info)[:expected], storage.dtype, byte_order)

    return top, read_storage


def _read_legacy(path: str) -> tuple[Any, Callable[[_Storage], np.ndarray]]:
    with open(path, "rb") as file:
        pickles = _BoundedFile(file)
        head = [interpret(pickles, {}, None), interpret(pickles, {}, None)]
        if head != [_LEGACY_MAGIC, _LEGACY_PROTOCOL]:
            raise EOFError("no torch file")
        system = interpret(pickles, {}, None)
        item_sizes: dict[str, int] = {}

        def persistent(identity: Any) -> _Storage:
            storage = _persistent_storage(identity)
            item_sizes[storage.key] = _item_size(storage.dtype)
            return storage

        top = interpret(pickles, _REBUILD, persistent)
        keys = interpret(pickles, {}, None)
        byte_order = "<" if system["little_endian"] else ">"
        # Each storage: the number of its elements, 8 bytes, then the elements.
        places = {}
        for key in keys:
            numel = int(np.frombuffer(_exactly(file, 8), f"{byte_order}i8")[0])
            places[key] = (file.tell(), numel)
            file.seek(max(0, numel) * item_sizes[key], os.SEEK_CUR)
        if file.tell() > os.path.getsize(path):
            raise EOFError("truncated")

    def read_storage(storage: _Storage) -> np.ndarray:
        place, numel = places[storage.key]
        with open(path, "rb") as file:
            file.seek(place)
            data = _exactly(file, numel * _item_size(storage.dtype))
        return _decode(data, storage.dtype, byte_order)

    return top, read_storage


class _BoundedFile:
    """A file for the opcode reader that does not make room for what a damaged length announces."""

    def __init__(self, file: BinaryIO):
        self._file, self._size = file, os.fstat(file.fileno()).st_size
        self.readline, self.tell = file.readline, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= min(self._size, _MOST_PICKLE_BYTES):
            raise ValueError("a length beyond the file")
        return self._file.read(size)


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size) if 0 <= size <= os.fstat(file.fileno()).st_size else b""
    if len(data) != size:
        raise EOFError("truncated")
    return data


def _item_size(dtype: str) -> int:
    return 2 if dtype == "bf16" else np.dtype(dtype).itemsize


def _decode(data: bytes, dtype: str, byte_order: str) -> np.ndarray:
    if dtype != "bf16":
        array = np.frombuffer(data, np.dtype(dtype).newbyteorder(byte_order))
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    upper = np.frombuffer(data, f"{byte_order}u2").astype(np.uint32)
    return (upper << 16).view(np.float32)


def _lazy(path: str, tensor: _Tensor, read_storage: Callable) -> LazyTensor:
    def load() -> np.ndarray:
        try:
            numbers = read_storage(tensor.storage)[tensor.storage.offset :]
        except _DAMAGE as error:
            raise _damaged(path, error) from None
        start = numbers[tensor.offset :]
        strides = [stride * numbers.itemsize for stride in tensor.stride]
        view = np.lib.stride_tricks.as_strided(start, tensor.size, strides, writeable=False)
        return np.array(view, order="C")

    return LazyTensor(tensor.size, load)


def _tensors_of(top: Any) -> dict[str, _Tensor]:
    if not isinstance(top, Mapping):
        return {}
    tensors = {k: v for k, v in top.items() if isinstance(k, str) and isinstance(v, _Tensor)}
    wrapped = next((top[k] for k in _WRAPPERS if isinstance(top.get(k), Mapping)), {})
    return tensors or {
        k: v for k, v in wrapped.items() if isinstance(k, str) and isinstance(v, _Tensor)
    }


def _persistent_storage(identity: Any) -> _Storage:
    """("storage", torch.FloatStorage, key, device, numel[, view]) -> a description."""
    if not (isinstance(identity, tuple) and len(identity) >= 5 and identity[0] == "storage"):
        raise PickleError("expected the storages of tensors, received another persistent id")
    kind, key, _, numel = identity[1:5]
    view = identity[5] if len(identity) > 5 else None
    offset = view[1] if view else 0
    if not (isinstance(kind, Symbol) and kind.name in _STORAGE_TYPES):
        raise PickleError(
            f"expected storages of {', '.join(_STORAGE_TYPES)}, received "
            f"{getattr(kind, 'name', 'another')}. Save the weights as float32"
        )
    return _Storage(str(key), _STORAGE_TYPES[kind.name], int(numel), int(offset))


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> _Tensor:
    """torch._utils._rebuild_tensor and _rebuild_tensor_v2, as a description."""
    if not isinstance(storage, _Storage):
        raise PickleError("expected a tensor's storage, received something else")
    size, stride = tuple(map(int, size)), tuple(map(int, stride))
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    # No more elements than the storage has: a stride of 0 could ask for any number.
    within = storage.offset + last < storage.numel >= math.prod(size) or math.prod(size) == 0
    if offset < 0 or min((*size, *stride), default=0) < 0 or not within:
        raise PickleError("expected tensors within their storages, received one beyond it")
    return _Tensor(storage, int(offset), size, stride)


def _rebuild_parameter(data: Any, *_: Any) -> Any:
    return data


def _ordered_dict(items: Any = ()) -> dict:
    return dict(items)


# Whatever is not here is refused by name.
_REBUILD: dict[tuple[str, str], Callable | None] = {
    ("collections", "OrderedDict"): _ordered_dict,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch", "Size"): lambda sizes=(): tuple(sizes),
    **{("torch", name): None for name in _STORAGE_TYPES},
    **{("torch.storage", name): None for name in _STORAGE_TYPES},
}
