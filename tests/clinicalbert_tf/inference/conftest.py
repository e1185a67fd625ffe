import csv
import pathlib

import pytest

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden"


@pytest.fixture(scope="session")
def checkpoint():
    return str(GOLDEN / "tf1_checkpoint")


@pytest.fixture(scope="session")
def bert(checkpoint):
    import clinicalbert_tf

    return clinicalbert_tf.from_pretrained(checkpoint)


@pytest.fixture(scope="session")
def notes():
    """(note id, category, text) of the golden notes."""
    with open(GOLDEN / "notes" / "NOTEEVENTS.csv", encoding="utf-8", newline="") as file:
        return [(row["ROW_ID"], row["CATEGORY"], row["TEXT"]) for row in csv.DictReader(file)]
