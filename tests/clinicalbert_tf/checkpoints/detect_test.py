"""Any path -> the same canonical weights; and the command that prints what a path is."""

import dataclasses
import shutil
import tarfile

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.checkpoints.describe import check_weights, describe
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.source import LazyTensor, LazyTensors, check_tensors
from clinicalbert_tf.checkpoints.writers.huggingface_folder import write_huggingface_folder
from tests import processes, support

GOLDEN = support.GOLDEN / "tf1_checkpoint"
NAME = "biobert_pretrain_output_all_notes_150000"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CLINICALBERT_TF_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def release(tmp_path):
    """pretrained_bert_tf.tar.gz with two inner archives, each of a folder of the golden files."""
    (tmp_path / "pretrained_bert_tf").mkdir()
    for name in (NAME, "bert_pretrain_output_disch_100000"):
        with tarfile.open(tmp_path / "pretrained_bert_tf" / f"{name}.tar.gz", "w:gz") as inner:
            for path in GOLDEN.iterdir():
                if path.name != "checkpoint":
                    inner.add(path, f"{name}/{path.name}")
    path = tmp_path / "pretrained_bert_tf.tar.gz"
    with tarfile.open(path, "w:gz") as outer:
        outer.add(tmp_path / "pretrained_bert_tf", "pretrained_bert_tf")
    return path


def assert_golden(source):
    reader = tf.train.load_checkpoint(str(GOLDEN / "model.ckpt-150000"))
    assert len(source.tensors) == 62 and check_tensors(source).missing == ()
    for name in source.tensors:
        np.testing.assert_array_equal(source.tensors[name], reader.get_tensor(name))


def test_a_model_of_the_release_is_the_golden_checkpoint(release):
    source = open_checkpoint(release, NAME)
    assert_golden(source)
    assert (source.kind, source.gelu, source.do_lower_case) == ("tf1", "tanh", None)
    assert len(source.ignored) == 125
    assert all("adam" in name or name == "global_step" for name in source.ignored)


@pytest.mark.parametrize(
    "name", ["", "model.ckpt-150000", "model.ckpt-150000.index", "model.ckpt-150000.meta"]
)
def test_folder_prefix_and_files_of_a_checkpoint_are_one(name):
    assert_golden(open_checkpoint(GOLDEN / name))


def test_a_hugging_face_folder_and_its_weight_file_are_one(tmp_path):
    golden = dataclasses.replace(open_checkpoint(GOLDEN), do_lower_case=False)
    folder = write_huggingface_folder(golden, tmp_path / "out")
    for path in (folder, f"{folder}/model.safetensors"):
        source = open_checkpoint(path)
        assert source.kind == "huggingface" and source.config == golden.config
        assert_golden(source)


def test_an_object_based_checkpoint_is_recognised(tmp_path):
    tf.train.Checkpoint(value=tf.Variable(1.0)).save(str(tmp_path / "ckpt"))
    with pytest.raises(ValueError, match="one BERT of tensorflow/models in this TF2 checkpoint"):
        open_checkpoint(tmp_path)


def test_other_files_and_no_files_are_errors(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=r"notes\.txt: expected an archive, a folder or a file"):
        open_checkpoint(tmp_path / "notes.txt")
    with pytest.raises(FileNotFoundError, match="found no file"):
        open_checkpoint(tmp_path / "none")


def test_a_checkpoint_without_configuration_is_an_error(tmp_path):
    for path in GOLDEN.glob("model.ckpt*"):
        shutil.copy(path, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"Expected a bert_config\.json"):
        open_checkpoint(tmp_path)


def test_a_description_says_what_a_source_is_and_lacks():
    source = open_checkpoint(GOLDEN)
    kept = [name for name in source.tensors if not name.startswith("cls/seq_relationship")]
    tensors = {n: LazyTensor(source.tensors.shapes[n], lambda: None) for n in kept}
    tensors["output_weights"] = LazyTensor((3, 48), lambda: None)
    changed = dataclasses.replace(source, tensors=LazyTensors(tensors), remarks=("Odd.",))
    lines = dict(describe(changed))
    assert lines["activation"].startswith("gelu, tanh form")
    assert lines["vocabulary"].endswith("vocab.txt, 1,200 rows, cased text")
    assert lines["lacks"].startswith("next sentence head (cls/seq_relationship/output_weights")
    assert lines["also holds"] == "output_weights" and lines["note"] == "Odd."
    assert lines["passed over"].startswith("125: ") and lines["this is"].startswith("none of")


def test_numbers_that_are_not_finite_are_found():
    source = open_checkpoint(GOLDEN)
    broken = {"a": LazyTensor((2,), lambda: np.array([1, np.nan], "f4"))}
    with pytest.raises(ValueError, match="NaN or infinity in a"):
        check_weights(dataclasses.replace(source, tensors=LazyTensors(broken)))
    check_weights(source)


def test_a_loader_that_gives_another_shape_is_an_error():
    tensors = LazyTensors({"a": LazyTensor((2,), lambda: np.zeros(3))})
    with pytest.raises(ValueError, match=r"Expected a of shape \(2,\).*received \(3,\)"):
        tensors["a"]


def run(*arguments):
    """Runs the command as a user does; its flags would meet those of other commands here."""
    done = processes.run(["-m", "clinicalbert_tf.restore", *arguments])
    return done.returncode, done.stdout, done.stderr


@pytest.mark.large
def test_the_command_prints_what_a_download_is(release):
    status, printed, _ = run(release, f"--model={NAME}")
    assert status == 0
    assert "format       TF1 checkpoint" in printed and "62 arrays" in printed
    assert "All of it can be read" in printed and f"model='{NAME}'" in printed


@pytest.mark.large
def test_the_command_fails_with_the_names_of_the_models(release):
    status, printed, errors = run(release)
    assert status == 1 and printed == "" and "Traceback" not in errors
    assert NAME in errors and "bert_pretrain_output_disch_100000" in errors
    status, _, errors = run()
    assert status == 1 and "Expected one path" in errors


@pytest.mark.large
def test_the_command_finds_damage_in_the_weights(tmp_path):
    for path in GOLDEN.iterdir():
        shutil.copy(path, tmp_path)
    weight = open_checkpoint(GOLDEN).tensors["bert/embeddings/word_embeddings"].tobytes()
    (data,) = tmp_path.glob("*.data-*")
    content = data.read_bytes()
    position = content.index(weight)
    data.write_bytes(content[:position] + b"\xff" + content[position + 1 :])
    status, printed, errors = run(tmp_path)
    assert status == 1 and "All of it" not in printed
    assert "CorruptCheckpointError" in errors and "damaged" in errors
    assert run(tmp_path, "--read_weights=False")[0] == 0


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
