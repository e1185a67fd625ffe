"""A learnt vote: it finds the chunk that decides, and comes back from its file."""

import numpy as np
import pytest

from clinicalbert_tf.input_pipeline.row_file import RowFile
from clinicalbert_tf.metrics.ranking import auroc
from clinicalbert_tf.tasks.long_documents import attention_vote
from clinicalbert_tf.tasks.long_documents.attention_vote import document_blocks, read_vote
from clinicalbert_tf.tasks.long_documents.vote_learning import learn_vote


def documents(seed, count=300):
    """One chunk per document tells the label, marked by another feature; the others are noise."""
    draw = np.random.default_rng(seed)
    sizes = draw.integers(2, 9, count)
    document = np.repeat(np.arange(count), sizes)
    vectors = draw.normal(0, 1, (len(document), 8))
    labels = draw.integers(0, 2, count)
    telling = np.cumsum(sizes) - 1 - draw.integers(0, 2, count)
    vectors[:, 0] -= 2
    vectors[telling, 0] = 2
    vectors[telling, 1] = np.where(labels == 1, 1.5, -1.5)
    return vectors, document, labels, telling


@pytest.fixture(scope="module")
def vote():
    vectors, document, labels, _ = documents(1)
    return learn_vote(vectors, document, labels, seed=3)


def test_it_attends_to_the_chunk_that_tells(vote):
    vectors, document, labels, telling = documents(2)
    scores = np.diff(vote.logits(vectors, document), axis=1)[:, 0]
    mean = np.array([vectors[document == d, 1].mean() for d in range(len(labels))])
    assert auroc(labels, scores) > 0.98 > auroc(labels, mean) + 0.02
    weights = vote.weights(vectors, document)
    np.testing.assert_allclose(np.bincount(document, weights), 1)
    # One class is told by its chunk, the other by the absence of such a chunk.
    by_label = [weights[telling[labels == label]].mean() for label in (0, 1)]
    assert max(by_label) > 0.8


def test_logits_equal_a_loop(vote):
    vectors, document, _, _ = documents(4, count=5)
    found = vote.logits(vectors, document)
    for number in range(5):
        chunks = (vectors[document == number] - vote.mean) / vote.scale
        scores = [np.tanh(c @ vote.query + vote.query_bias) @ vote.key for c in chunks]
        powers = np.exp(np.array(scores) - max(scores))
        pooled = sum(p * c for p, c in zip(powers / powers.sum(), chunks, strict=True))
        np.testing.assert_allclose(found[number], pooled @ vote.kernel + vote.bias)


class Watched(RowFile):
    """A RowFile that knows the most rows that were read at once."""

    most = 0

    def __getitem__(self, rows):
        found = super().__getitem__(rows)
        self.most = max(self.most, len(found))
        return found


def test_vectors_in_a_file_are_read_in_blocks_and_give_the_same_vote(monkeypatch, tmp_path):
    vectors, document, labels, _ = documents(7, count=60)
    whole = learn_vote(vectors, document, labels, steps=25)
    file = Watched(str(tmp_path))
    file.put(np.arange(len(vectors)), vectors)
    monkeypatch.setattr(attention_vote, "VALUES_AT_ONCE", 40 * vectors.shape[1])
    in_blocks = learn_vote(file, document, labels, steps=25)
    assert len(vectors) > 200 and 30 < file.most <= 40
    for name in attention_vote.FIELDS:
        expected = getattr(whole, name)
        np.testing.assert_allclose(getattr(in_blocks, name), expected, atol=1e-4, err_msg=name)
    file.most = 0
    found = in_blocks.logits(file, document)
    np.testing.assert_allclose(found, in_blocks.logits(vectors, document), atol=1e-6)
    assert found.shape == (60, 2) and file.most <= 40


def test_blocks_hold_whole_documents(monkeypatch):
    monkeypatch.setattr(attention_vote, "VALUES_AT_ONCE", 10)
    # Two values per chunk: five chunks at once; the third document has more.
    document = np.repeat([0, 1, 2, 3, 4], [2, 3, 7, 1, 1])
    assert document_blocks(document, 2) == [
        (slice(0, 5), slice(0, 2)), (slice(5, 12), slice(2, 3)), (slice(12, 14), slice(3, 5)),
    ]  # fmt: skip


def test_it_is_written_and_read(vote, tmp_path):
    vote.write(str(tmp_path))
    vectors, document, _, _ = documents(5, count=4)
    again = read_vote(str(tmp_path))
    np.testing.assert_array_equal(again.logits(vectors, document), vote.logits(vectors, document))
    with pytest.raises(FileNotFoundError, match="Train with --vote=attention"):
        read_vote(str(tmp_path / "none"))


def test_several_labels_learn_each(vote):
    vectors, document, labels, _ = documents(6)
    targets = np.stack([labels, 1 - labels, np.zeros_like(labels)], axis=1)
    several = learn_vote(vectors, document, targets, multi=True, steps=200)
    logits = several.logits(vectors, document)
    assert auroc(labels, logits[:, 0]) > 0.95 and auroc(1 - labels, logits[:, 1]) > 0.95
    assert np.mean(logits[:, 2] < 0) > 0.98


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
