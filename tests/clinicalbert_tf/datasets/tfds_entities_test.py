"""The builders of entity sets: tensorflow_datasets' own test, and the command's sentences."""

import importlib
import pathlib
import shutil
import tempfile

import pytest
import tensorflow_datasets as tfds

import clinicalbert_tf.datasets
from clinicalbert_tf.datasets.entity_sets import read_entity_set
from tests import support

RAW = support.GOLDEN / "i2b2_raw" / "input"
I2B2 = ("i2b2_2006", "i2b2_2010", "i2b2_2012", "i2b2_2014")
TYPES = {"ncbi_disease": "Disease", "bc5cdr": "Chemical", "conll_entities": "any thing"}
ENTITY_SETS = (*I2B2, *TYPES)
SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def write_release(name, folder):
    """Writes the invented files of a data set."""
    if name in I2B2:
        shutil.copytree(RAW / name, folder)
        return
    folder.mkdir(parents=True)
    label = TYPES[name].replace(" ", "_")
    for part, count in (("train", 3), ("devel", 2), ("test", 1)):
        lines = [f"{part}\tO\nfever\tB-{label}\n{number}\tI-{label}\n" for number in range(count)]
        (folder / f"{part}.tsv").write_text("\n".join(lines))


class _BuilderTest(tfds.testing.DatasetBuilderTestCase):
    """tensorflow_datasets' own test of one builder, on invented files."""

    SKIP_TF1_GRAPH_MODE = True

    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.EXAMPLE_DIR = f"{cls._folder.name}/{cls.NAME}"
        write_release(cls.NAME, pathlib.Path(cls.EXAMPLE_DIR))
        module = f"clinicalbert_tf.datasets.{cls.NAME}.{cls.NAME}_dataset_builder"
        cls.DATASET_CLASS = importlib.import_module(module).Builder
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls._folder.cleanup()


class ConllEntitiesBuilderTest(_BuilderTest):
    NAME = "conll_entities"
    SPLITS = {"train": 3, "validation": 2, "test": 1}  # noqa: RUF012


del _BuilderTest


@pytest.mark.parametrize("name", ENTITY_SETS)
def test_load_gives_the_commands_sentences_in_their_order(tmp_path, name):
    assert name in clinicalbert_tf.datasets.TFDS_DATASETS
    folder = tmp_path / "downloads" / "manual" / name
    write_release(name, folder)
    loaded, info = tfds.load(name, data_dir=str(tmp_path), with_info=True)
    expected = read_entity_set("conll" if name in TYPES else name, str(folder))
    assert set(loaded) == {SPLITS[part] for part in expected.parts}
    tag = info.features["tags"].feature
    for part, sentences in expected.parts.items():
        rows = list(tfds.as_numpy(loaded[SPLITS[part]]))
        assert len(rows) == len(sentences)
        for number, (row, sentence) in enumerate(zip(rows, sentences, strict=True)):
            assert row["id"].decode() == f"{part}-{number}"
            assert row["document"].decode() == sentence.document
            assert row["patient"].decode() == sentence.patient
            assert [token.decode() for token in row["tokens"]] == list(sentence.words)
            labels = [
                value.decode() if isinstance(value, bytes) else tag.int2str(int(value))
                for value in row["tags"]
            ]
            assert labels == list(sentence.labels)


def test_other_labels_and_missing_files_are_named(tmp_path):
    folder = tmp_path / "downloads" / "manual" / "ncbi_disease"
    write_release("conll_entities", folder)
    with pytest.raises(ValueError, match="received B-any_thing, I-any_thing too"):
        tfds.load("ncbi_disease", data_dir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match="Crichton"):
        tfds.load("bc5cdr", data_dir=str(tmp_path / "nothing"))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
