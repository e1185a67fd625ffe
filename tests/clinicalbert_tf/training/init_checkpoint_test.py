"""--init_checkpoint opens every format, as from_pretrained does."""

import tarfile

import pytest

from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert
from clinicalbert_tf.training.inputs import open_init_checkpoint
from clinicalbert_tf.training.settings import RunSettings
from tests import support

CHECKPOINT = support.GOLDEN / "tf1_checkpoint"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CLINICALBERT_TF_CACHE", str(tmp_path / "cache"))


def packed(path, content):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(content, content.name)
    return path


def opened(path):
    return open_init_checkpoint(RunSettings(output_dir="x", init_checkpoint=str(path)))


def test_huggingface_folders_archives_and_archives_in_archives(tmp_path):
    expected = opened(CHECKPOINT)
    made = convert(ConversionSettings(str(CHECKPOINT), str(tmp_path / "made"), "huggingface"))
    archive = packed(tmp_path / "m.tar.gz", CHECKPOINT)
    again = packed(tmp_path / "outer.tgz", archive)
    for path, kind in ((made.target, "huggingface"), (archive, "tf1"), (again, "tf1")):
        source = opened(path)
        assert (source.kind, source.config) == (kind, expected.config)
        name = "bert/pooler/dense/bias"
        assert source.tensors[name].tolist() == expected.tensors[name].tolist()


def test_the_name_of_a_model_on_the_hub_is_recognised():
    with pytest.raises(FileNotFoundError, match=r"Nothing is downloaded.*hf download a-lab/bert"):
        opened("a-lab/bert")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
