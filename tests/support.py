"""What test files of several rooms use: `from tests import support`.

Plain functions rather than fixtures, so that TestCase classes can call them; tests/conftest.py
makes fixtures of them.
"""

import csv
import functools
import gzip
import pathlib
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
# What the reference code gave on invented inputs.
GOLDEN = TESTS / "golden"
NOTEEVENTS = str(GOLDEN / "notes" / "NOTEEVENTS.csv")
SENTENCE_FILES = tuple(str(GOLDEN / "pretraining_data" / f"part_{part}.txt") for part in "ab")
CASED, UNCASED = (str(GOLDEN / "vocab" / f"{casing}.txt") for casing in ("cased", "uncased"))


def class_folder(test_case):
    """Makes a temporary folder for a TestCase class, from its setUpClass; returns the path."""
    folder = tempfile.TemporaryDirectory()
    test_case.addClassCleanup(folder.cleanup)
    return folder.name


def golden_records(folder):
    """Writes cased_128 as the reference wrote it, one plain TFRecord file of 948 records.

    Returns:
        The file's path, a string.
    """
    path = pathlib.Path(folder) / "cased_128.tfrecord"
    data = (GOLDEN / "pretraining_data" / "cased_128.tfrecord.gz").read_bytes()
    path.write_bytes(gzip.decompress(data))
    return str(path)


@functools.cache
def golden_bert():
    """What from_pretrained makes of the golden checkpoint; loaded once, so leave it as it is."""
    import clinicalbert_tf

    return clinicalbert_tf.from_pretrained(str(GOLDEN / "tf1_checkpoint"))


def golden_notes():
    """Returns (note id, category, text) of the golden notes."""
    with open(GOLDEN / "notes" / "NOTEEVENTS.csv", encoding="utf-8", newline="") as file:
        return [(row["ROW_ID"], row["CATEGORY"], row["TEXT"]) for row in csv.DictReader(file)]


def builder_settings(folder, **changes):
    """Returns the settings of a build of the golden notes, in this process, into four shards."""
    from tfrecords_builder.building.settings import BuilderSettings

    values = {"input": (NOTEEVENTS,), "vocab_file": CASED, "num_shards": 4, "num_workers": 1}
    return BuilderSettings(str(folder), **{**values, **changes})


def build_records(folder, **changes):
    """Builds what `builder_settings` asks for; returns the manifest."""
    from tfrecords_builder.building import pipeline

    return pipeline.build_records(builder_settings(folder, **changes))


def shard_bytes(folder):
    """Returns file name -> content of the shards in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def small_config(**changes):
    """Returns a model for the golden records that is traced in a second; without dropout."""
    from clinicalbert_tf.config import BertConfig

    values = {
        "vocab_size": 1200,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "max_position_embeddings": 128,
        "type_vocab_size": 2,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    return BertConfig(**{**values, **changes})


def two_devices():
    """Asks for two CPU devices; has to come before TensorFlow starts.

    tests/clinicalbert_tf/conftest.py calls it for pytest; a TestCase file whose tests need two
    replicas calls it itself, for `python x_test.py`.
    """
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
