import numpy as np
import pytest

from clinicalbert_tf.inference.search import scores
from clinicalbert_tf.inference.search.encoder import unit_vectors


def test_cosines_by_blocks_are_those_of_one_product(monkeypatch, tmp_path):
    monkeypatch.setattr(scores, "BLOCK", 7)
    vectors = unit_vectors(np.random.default_rng(1).normal(size=(50, 8)))
    np.save(tmp_path / "v.npy", vectors)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    found = scores.cosines(mapped, vectors[3])
    np.testing.assert_allclose(found, vectors.astype(float) @ vectors[3], atol=1e-6)
    assert found.min() >= -1 and found.max() <= 1


def test_a_vector_of_zeros_is_like_nothing():
    vectors = unit_vectors(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32))
    np.testing.assert_array_equal(vectors, np.array([[0, 0], [0.6, 0.8]], np.float32))
    np.testing.assert_array_equal(scores.cosines(vectors, vectors[1]), [0, 1])


@pytest.mark.parametrize("count", [1, 3, 4, 100])
def test_best_is_a_stable_sort(count):
    values = np.array([0.5, 0.9, -np.inf, 0.5, 0.5, -1.0, 0.9], np.float32)
    expected = [1, 6, 0, 3, 4, 5][:count]
    assert scores.best(values, count).tolist() == expected


def test_best_of_nothing_is_nothing():
    assert scores.best(np.zeros(0), 5).tolist() == []
    assert scores.best(np.ones(3), 0).tolist() == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
