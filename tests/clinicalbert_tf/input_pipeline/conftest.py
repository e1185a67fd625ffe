import gzip
import pathlib

import pytest

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden" / "pretraining_data"


@pytest.fixture(scope="session")
def golden_records(tmp_path_factory):
    """cased_128 as the reference wrote it: one plain TFRecord file of 948 records."""
    path = tmp_path_factory.mktemp("records") / "cased_128.tfrecord"
    path.write_bytes(gzip.decompress((GOLDEN / "cased_128.tfrecord.gz").read_bytes()))
    return str(path)
