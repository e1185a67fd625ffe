import pytest

from tests.support import GOLDEN
from tfrecords_builder import synthetic
from tfrecords_builder.building.pipeline import build_records
from tfrecords_builder.building.settings import BuilderSettings


@pytest.fixture(scope="session")
def notes(tmp_path_factory):
    """Invented notes of all kinds."""
    path = str(tmp_path_factory.mktemp("notes") / "NOTEEVENTS.csv.gz")
    synthetic.write_noteevents(path, 60, seed=3)
    return path


@pytest.fixture(scope="session")
def build(notes, tmp_path_factory):
    """Builds a folder of records from the notes; takes other settings of the builder."""

    def built(**settings):
        folder = str(tmp_path_factory.mktemp("built") / "records")
        defaults = {
            "input": (notes,),
            "vocab_file": str(GOLDEN / "vocab" / "cased.txt"),
            "max_seq_length": 64,
            "max_predictions_per_seq": 10,
            "num_shards": 3,
            "num_workers": 1,
        }
        build_records(BuilderSettings(folder, **(defaults | settings)))
        return folder

    return built


@pytest.fixture(scope="session")
def unmasked(build):
    """A folder of unmasked records."""
    return build(masking="dynamic")


@pytest.fixture(scope="session")
def short_notes(build):
    """A folder of masked records of nursing notes and radiology reports: many are short."""
    return build(
        categories=("Nursing", "Nursing/other", "Radiology"),
        max_seq_length=128,
        max_predictions_per_seq=20,
        dupe_factor=2,
    )
