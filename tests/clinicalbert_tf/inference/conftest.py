import pytest

from tests import support


@pytest.fixture(scope="session")
def checkpoint():
    return str(support.GOLDEN / "tf1_checkpoint")


@pytest.fixture(scope="session")
def bert():
    return support.golden_bert()


@pytest.fixture(scope="session")
def notes():
    """(note id, category, text) of the golden notes."""
    return support.golden_notes()
