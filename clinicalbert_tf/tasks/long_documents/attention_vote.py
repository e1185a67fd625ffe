"""A vote that is learnt: which chunks count, from their vectors.

Source: attention pooling of Ilse et al. 2018, Attention-based Deep Multiple Instance Learning.
"""

import dataclasses
import io
import os

import numpy as np

from clinicalbert_tf.input_pipeline.row_file import RowFile
from clinicalbert_tf.tasks.long_documents.voting import softmax
from tfrecords_builder.files import write_private

NAME = "attention_vote.npz"
FIELDS = ("query", "query_bias", "key", "kernel", "bias", "mean", "scale")
# Of vectors: 2**22 float32 are 16 MiB.
VALUES_AT_ONCE = 2**22


@dataclasses.dataclass(frozen=True)
class AttentionVote:
    """What the vote has learnt.

    A document's vector is the mean of its chunks' vectors, weighted by a softmax over the chunks
    of key . tanh(vector @ query + query_bias); its logits are vector @ kernel + bias.

    Attributes:
        query: [hidden, units]; query_bias: [units]; key: [units].
        kernel: [hidden, labels]; bias: [labels].
        mean, scale: [hidden], what vectors are standardized by.
    """

    query: np.ndarray
    query_bias: np.ndarray
    key: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    def weights(self, vectors: np.ndarray, document: np.ndarray) -> np.ndarray:
        """How much each chunk counts in its document: float64 [chunks]; they sum to 1 in each."""
        scores = np.tanh(self.standard(vectors) @ self.query + self.query_bias) @ self.key
        weights = np.empty(len(scores))
        starts = np.flatnonzero(np.r_[True, document[1:] != document[:-1]])
        for start, end in zip(starts, [*starts[1:], len(document)], strict=True):
            weights[start:end] = softmax(scores[None, start:end])[0]
        return weights

    def logits(self, vectors: np.ndarray | RowFile, document: np.ndarray) -> np.ndarray:
        """Logits of the documents, float64 [documents, labels].

        Args:
            vectors: float [chunks, hidden].
            document: int [chunks], from 0 and in order.
        """
        found = []
        for chunks, documents in document_blocks(document, len(self.mean)):
            of_block, places = vectors[chunks], document[chunks] - documents.start
            weighted = self.weights(of_block, places)[:, None] * self.standard(of_block)
            pooled = np.zeros((documents.stop - documents.start, weighted.shape[1]))
            np.add.at(pooled, places, weighted)
            found.append(pooled @ self.kernel + self.bias)
        return np.concatenate(found)

    def standard(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors by their mean and scale: float64 [chunks, hidden]."""
        return (np.asarray(vectors, np.float64) - self.mean) / self.scale

    def write(self, folder: str) -> None:
        """Writes the vote into a run's folder (0600)."""
        buffer = io.BytesIO()
        np.savez(buffer, **{name: getattr(self, name) for name in FIELDS})
        write_private(os.path.join(folder, NAME), buffer.getvalue())


def document_blocks(document: np.ndarray, hidden: int) -> list[tuple[slice, slice]]:
    """Divides documents into blocks that are read at once: (chunks, documents) of each block.

    Args:
        document: int [chunks], from 0 and in order.
        hidden: values per chunk. A document of more than 16 MiB is a block of its own.
    """
    ends = np.flatnonzero(np.r_[document[1:] != document[:-1], True]) + 1
    most = max(1, VALUES_AT_ONCE // hidden)
    blocks, first, start = [], 0, 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, start + most, side="right")))
        end = int(ends[last - 1])
        blocks.append((slice(start, end), slice(first, last)))
        first, start = last, end
    return blocks


def read_vote(folder: str) -> AttentionVote:
    """Reads the vote of a run's folder.

    Raises:
        FileNotFoundError: the run has learnt none.
    """
    path = os.path.join(folder, NAME)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"Expected {NAME} in {folder} for --vote=attention, found none. Train with "
            "--vote=attention, or choose another vote."
        )
    with np.load(path) as stored:
        return AttentionVote(**{name: stored[name] for name in FIELDS})
