"""Records of invented notes, built once for all tests of this folder."""

import functools
import os
import tempfile

from tests import support
from tfrecords_builder import synthetic
from tfrecords_builder.building.pipeline import build_records
from tfrecords_builder.building.settings import BuilderSettings

# Removed when the tests end.
_FOLDER = tempfile.TemporaryDirectory()


@functools.cache
def notes():
    """The path of invented notes of all kinds."""
    path = os.path.join(_FOLDER.name, "NOTEEVENTS.csv.gz")
    synthetic.write_noteevents(path, 60, seed=3)
    return path


def build(**settings):
    """Builds a folder of records from the notes; takes other settings of the builder."""
    folder = os.path.join(tempfile.mkdtemp(dir=_FOLDER.name), "records")
    defaults = {
        "input": (notes(),),
        "vocab_file": str(support.GOLDEN / "vocab" / "cased.txt"),
        "max_seq_length": 64,
        "max_predictions_per_seq": 10,
        "num_shards": 3,
        "num_workers": 1,
    }
    build_records(BuilderSettings(folder, **(defaults | settings)))
    return folder


@functools.cache
def unmasked():
    """A folder of unmasked records."""
    return build(masking="dynamic")


@functools.cache
def short_notes():
    """A folder of masked records of nursing notes and radiology reports: many are short."""
    return build(
        categories=("Nursing", "Nursing/other", "Radiology"),
        max_seq_length=128,
        max_predictions_per_seq=20,
        dupe_factor=2,
    )
