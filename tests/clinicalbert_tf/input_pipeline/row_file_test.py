"""Rows in a file: written in any order, read in runs."""

import os

import numpy as np
import pytest

from clinicalbert_tf.input_pipeline.row_file import RowFile


def test_rows_written_in_any_order_are_read_in_theirs(tmp_path):
    rows = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    file = RowFile(str(tmp_path))
    for places in ([4, 0, 6], [1], [5, 3, 2]):
        file.put(np.array(places), rows[places])
    assert file.shape == (7, 3) and len(file) == 7
    np.testing.assert_array_equal(file[2:5], rows[2:5])
    np.testing.assert_array_equal(file[:], rows)
    np.testing.assert_array_equal(file[5:100], rows[5:])
    assert file[3:3].shape == (0, 3)
    # It has no name: nothing is left when the process is killed.
    assert os.listdir(tmp_path) == []


def test_other_widths_and_steps_are_refused():
    file = RowFile()
    file.put(np.array([0]), np.ones((1, 3)))
    with pytest.raises(ValueError, match="rows of 3 values, received 2"):
        file.put(np.array([1]), np.ones((1, 2)))
    with pytest.raises(IndexError, match="consecutive rows"):
        file[::2]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
