"""Sequences in a file: read back whole, and the same batches as from memory."""

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.input_pipeline.array_source import ArraySource
from clinicalbert_tf.input_pipeline.file_source import FileSource
from clinicalbert_tf.input_pipeline.sequence_file import SequenceFile


def sequences(lengths):
    draw = np.random.default_rng(0)
    return [draw.integers(1, 100, size=length).astype(np.int32) for length in lengths]


def filled(folder, arrays):
    file = SequenceFile(str(folder))
    for sequence in arrays:
        file.add(sequence)
    return file


def test_sequences_come_back_and_leave_no_name(tmp_path):
    arrays = sequences([3, 1, 7, 0, 2])
    file = filled(tmp_path, arrays)
    assert list(tmp_path.iterdir()) == []
    assert len(file) == 5 and file.lengths.tolist() == [3, 1, 7, 0, 2]
    for place, expected in enumerate(arrays):
        np.testing.assert_array_equal(file[place], expected)
    np.testing.assert_array_equal(file.padded(np.array([1, 4]), 3)[1], [*arrays[4], 0])
    digest = hashlib.sha256()
    file.update(digest)
    assert digest.digest() == hashlib.sha256(np.concatenate(arrays).tobytes()).digest()
    file.add(np.array([5]))
    np.testing.assert_array_equal(file[5], [5])
    with pytest.raises(IndexError, match="from 0 to 5, received 6"):
        file[6]


def first_batch(source):
    parse = source.parser("x")
    rows = tf.data.Dataset.range(4).batch(3)
    return next(iter(rows.map(lambda batch: parse(batch, tf.constant(0, tf.int64)))))


class FileSourceTest(tf.test.TestCase):
    def test_features_equal_those_of_arrays_in_memory(self):
        arrays = sequences([5, 2, 8, 3])
        values = {"targets": np.arange(4), "has_target": np.ones(4)}
        zeros = [np.zeros_like(array) for array in arrays]
        memory = ArraySource({"token_ids": arrays, "segment_ids": zeros}, values, 8)
        file = FileSource(filled(self.get_temp_dir(), arrays), values, 8)
        self.assertAllEqual(memory.evaluation_order(), file.evaluation_order())
        self.assertAllEqual(memory.token_counts, file.token_counts)
        batches = [first_batch(memory), first_batch(file)]
        assert batches[0].keys() == batches[1].keys()
        for name in batches[0]:
            self.assertAllEqual(batches[0][name], batches[1][name])
            assert batches[0][name].dtype == batches[1][name].dtype, name
        trimmed = file.trim(batches[1], {"tokens": tf.constant([5, 2])}, 2)
        self.assertAllEqual(
            trimmed["token_ids"],
            memory.trim(batches[0], {"tokens": tf.constant([5, 2])}, 2)["token_ids"],
        )

    def test_fingerprint_tells_contents_apart(self):
        folder = self.get_temp_dir()
        first, other = sequences([5, 2]), sequences([5, 2])
        other[1][0] += 1
        made = [FileSource(filled(folder, a), {"y": np.ones(2)}, 8) for a in (first, first, other)]
        assert made[0].fingerprint == made[1].fingerprint != made[2].fingerprint

    def test_too_long_a_sequence_is_refused(self):
        file = filled(self.get_temp_dir(), sequences([9]))
        with pytest.raises(ValueError, match="received 9 in example 0"):
            FileSource(file, {"y": np.ones(1)}, 8)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
