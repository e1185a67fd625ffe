"""Fixtures for tests of several rooms."""

import pytest

from tests import support


@pytest.fixture(scope="session")
def golden():
    """The folder of what the reference code gave."""
    return support.GOLDEN


@pytest.fixture(scope="session")
def golden_records(tmp_path_factory):
    """cased_128 as the reference wrote it: one plain TFRecord file of 948 records."""
    return support.golden_records(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="session")
def small_config():
    """A model for the golden records that is traced in a second; without dropout."""
    return support.small_config()
