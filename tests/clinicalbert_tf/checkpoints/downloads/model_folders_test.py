"""Models in folders and archives: found, listed, chosen by name."""

import io
import os
import pathlib
import tarfile
import zipfile

import pytest

from clinicalbert_tf.checkpoints.downloads.model_folders import find_models, locate_model
from tests import support

GOLDEN = support.GOLDEN / "tf1_checkpoint"
FILES = (
    "bert_config.json",
    "vocab.txt",
    "model.ckpt-150000.index",
    "model.ckpt-150000.data-00000-of-00001",
)
MODELS = (
    "bert_pretrain_output_all_notes_150000",
    "biobert_pretrain_output_all_notes_150000",
    "biobert_pretrain_output_disch_100000",
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CLINICALBERT_TF_CACHE", str(tmp_path / "cache"))


def tar_bytes(members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def write_tar(path, members):
    path.write_bytes(tar_bytes(members))
    return path


def golden_members(folder=""):
    return {f"{folder}{name}": (GOLDEN / name).read_bytes() for name in FILES}


def inner_archive(name):
    return tar_bytes(golden_members(f"{name}/"))


@pytest.fixture
def release(tmp_path):
    """An outer archive as released: two inner archives and a folder, and a Mac's leftovers."""
    members = {f"pretrained_bert_tf/{name}.tar.gz": inner_archive(name) for name in MODELS[:2]}
    members |= golden_members(f"pretrained_bert_tf/{MODELS[2]}/")
    members["pretrained_bert_tf/._notes.zip"] = b"x"
    members["__MACOSX/model.ckpt-1.index"] = b"x"
    return write_tar(tmp_path / "pretrained_bert_tf.tar.gz", members)


@pytest.mark.parametrize("name", MODELS)
def test_each_model_of_a_nested_release_is_found_by_name(release, name):
    folder = locate_model(release, name).path
    for file in FILES:
        assert (pathlib.Path(folder) / file).read_bytes() == (GOLDEN / file).read_bytes()


def test_several_models_and_none_named_lists_the_names(release):
    with pytest.raises(ValueError, match="one of its 3 models, received none") as error:
        locate_model(release)
    assert all(name in str(error.value) for name in MODELS)
    assert "._notes" not in str(error.value) and "MACOSX" not in str(error.value)


def test_an_unknown_name_lists_the_names(release):
    with pytest.raises(ValueError, match="received 'clinicalbert'") as error:
        locate_model(release, "clinicalbert")
    assert all(name in str(error.value) for name in MODELS)


def test_a_folder_unpacked_by_hand_is_as_good_as_the_archive(release, tmp_path):
    with tarfile.open(release) as archive:
        archive.extractall(tmp_path / "by_hand")
    assert sorted(find_models(str(tmp_path / "by_hand"), "x")) == sorted(MODELS)
    folder = locate_model(tmp_path / "by_hand", MODELS[0]).path
    assert FILES[0] in os.listdir(folder)


def test_a_model_next_to_its_archive_is_one_model(tmp_path):
    (tmp_path / "all" / MODELS[0]).mkdir(parents=True)
    for file in FILES:
        (tmp_path / "all" / MODELS[0] / file).write_bytes((GOLDEN / file).read_bytes())
    (tmp_path / "all" / f"{MODELS[0]}.tar.gz").write_bytes(inner_archive(MODELS[0]))
    assert find_models(str(tmp_path / "all"), "x") == {MODELS[0]: str(tmp_path / "all" / MODELS[0])}


def test_two_folders_of_one_name_are_told_apart(tmp_path):
    for parent in ("a", "b"):
        (tmp_path / "all" / parent / "fold").mkdir(parents=True)
        (tmp_path / "all" / parent / "fold" / "model.ckpt-1.index").write_bytes(b"")
    assert list(find_models(str(tmp_path / "all"), "x")) == ["a/fold", "b/fold"]


def test_a_checkpoint_in_a_folder_may_be_named(tmp_path):
    for step in (1, 2):
        (tmp_path / f"model.ckpt-{step}.index").write_bytes(b"")
    assert locate_model(tmp_path, "model.ckpt-1").path == str(tmp_path / "model.ckpt-1")
    assert locate_model(tmp_path).path == str(tmp_path)


def test_a_name_for_a_path_that_is_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a model named x at .*Give the path"):
        locate_model(tmp_path / "model.ckpt-1", "x")


@pytest.mark.parametrize("folder", ["", "uncased_L-12_H-768_A-12/"])
def test_a_zip_with_or_without_a_folder_is_one_model(tmp_path, folder):
    path = tmp_path / "uncased_L-12_H-768_A-12.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in golden_members(folder).items():
            archive.writestr(name, content)
    found = locate_model(path).path
    assert set(FILES) <= set(os.listdir(found))
    assert locate_model(path, "uncased_L-12_H-768_A-12").path == found


def test_an_archive_without_a_model_is_an_error(tmp_path):
    path = write_tar(tmp_path / "m.tar.gz", {"readme.txt": b"1"})
    with pytest.raises(FileNotFoundError, match=r"expected a checkpoint in it.*found none"):
        locate_model(path)


def packed_again(name, content, times):
    for level in range(times):
        name, content = f"level{level}.tar.gz", tar_bytes({f"x/{name}": content})
    return content


def test_archives_in_archives_are_opened_to_a_bound(tmp_path):
    path = tmp_path / "outer.tar.gz"
    path.write_bytes(packed_again("m.tar.gz", inner_archive("m"), 2))
    assert set(FILES) <= set(os.listdir(locate_model(path).path))
    assert locate_model(path, "m") == locate_model(path)
    path.write_bytes(packed_again("m.tar.gz", inner_archive("m"), 7))
    with pytest.raises(FileNotFoundError, match="archives in archives 4 deep"):
        locate_model(path)


def test_folders_that_hold_one_folder_alone_do_not_count(tmp_path):
    path = write_tar(tmp_path / "m.tar.gz", golden_members("home/me/data/models/bert/tiny/"))
    assert os.path.basename(locate_model(path).path) == "tiny"


@pytest.mark.parametrize(
    "path",
    ["dmis-lab/biobert-v1.1", "hf://dmis-lab/biobert-v1.1", "dmis-lab/biobert-v1.1@main",
     "https://huggingface.co/dmis-lab/biobert-v1.1/tree/main"],
)  # fmt: skip
def test_names_and_addresses_of_the_hub_are_recognised(path):
    with pytest.raises(FileNotFoundError, match=r"Nothing is downloaded.*hf download dmis-lab/bio"):
        locate_model(path)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
