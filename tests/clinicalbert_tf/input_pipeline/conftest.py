import pytest

from tests.clinicalbert_tf.input_pipeline import invented_records


@pytest.fixture(scope="session")
def build():
    return invented_records.build


@pytest.fixture(scope="session")
def unmasked():
    return invented_records.unmasked()
