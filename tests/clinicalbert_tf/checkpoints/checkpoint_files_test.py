import pathlib

import pytest

from clinicalbert_tf.checkpoints.checkpoint_files import (
    list_checkpoints,
    resolve_checkpoint,
    step_of,
)
from tests import support

GOLDEN = support.GOLDEN / "tf1_checkpoint"


def make(folder, *names, data=True):
    for name in names:
        (folder / f"{name}.index").write_bytes(b"")
        if data:
            (folder / f"{name}.data-00000-of-00001").write_bytes(b"")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "model.ckpt-150000",
        "model.ckpt-150000.index",
        "model.ckpt-150000.meta",
        "model.ckpt-150000.data-00000-of-00001",
    ],
)
def test_directory_prefix_and_each_file_mean_the_same_checkpoint(given):
    assert resolve_checkpoint(GOLDEN / given) == str(GOLDEN / "model.ckpt-150000")


@pytest.mark.parametrize("name", ["bert_model.ckpt", "biobert_model.ckpt", "model.ckpt-100000"])
def test_released_folder_without_checkpoint_file_is_found(tmp_path, name):
    make(tmp_path, name)
    assert resolve_checkpoint(tmp_path) == str(tmp_path / name)


def test_highest_step_is_taken_by_number_not_by_name(tmp_path):
    make(tmp_path, "model.ckpt-9", "model.ckpt-1000", "model.ckpt-200", "model.ckpt")
    assert resolve_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-1000")
    names = [pathlib.Path(prefix).name for prefix in list_checkpoints(tmp_path)]
    assert names == ["model.ckpt", "model.ckpt-9", "model.ckpt-200", "model.ckpt-1000"]
    assert [step_of(name) for name in names] == [None, 9, 200, 1000]


def test_state_file_with_stale_absolute_path_is_read_by_base_name(tmp_path):
    make(tmp_path, "model.ckpt-9", "model.ckpt-1000")
    state = tmp_path / "checkpoint"
    state.write_text('model_checkpoint_path: "/gone/away/model.ckpt-9"\n')
    assert resolve_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-9")
    state.write_text('model_checkpoint_path: "/gone/away/model.ckpt-77"\n')
    assert resolve_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-1000")
    state.write_bytes(b"\xff\xfe")
    assert resolve_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-1000")


def test_folder_with_odd_characters_is_no_pattern(tmp_path):
    folder = tmp_path / "run [v1] *"
    folder.mkdir()
    make(folder, "model.ckpt-3")
    assert resolve_checkpoint(folder) == str(folder / "model.ckpt-3")


def test_two_models_in_one_folder_are_an_error_that_names_both(tmp_path):
    make(tmp_path, "bert_model.ckpt", "model.ckpt-5")
    with pytest.raises(ValueError, match=r"bert_model\.ckpt, model\.ckpt-5\. Give the prefix"):
        resolve_checkpoint(tmp_path)
    assert resolve_checkpoint(tmp_path / "bert_model.ckpt") == str(tmp_path / "bert_model.ckpt")


def test_missing_checkpoint_is_an_error_that_names_the_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"found no \.index file"):
        resolve_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"model\.ckpt-7\.index"):
        resolve_checkpoint(tmp_path / "model.ckpt-7")


def test_missing_data_file_is_named(tmp_path):
    make(tmp_path, "model.ckpt-7", data=False)
    with pytest.raises(FileNotFoundError, match=r"model\.ckpt-7\.data-00000-of-00001"):
        resolve_checkpoint(tmp_path)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
