"""Long texts with a model that was trained on chunks: cut and voted on as in its training."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.inference.predictor import Predictor
from clinicalbert_tf.tasks.long_documents.attention_vote import read_vote
from clinicalbert_tf.tasks.long_documents.chunks import cut_documents
from clinicalbert_tf.tasks.long_documents.settings import ATTENTION
from clinicalbert_tf.tasks.long_documents.voting import vote_logits
from tfrecords_builder.tokenization import BertTokenizer


class DocumentVoter:
    """Gives each text one row of logits, however long it is.

    Args:
        settings: what labels.json says of chunks and vote.
        folder: of the model, which holds a learnt vote.
        tokenizer: the model's.
        max_seq_length: tokens per chunk.
        problem_type: see metrics of the task.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        folder: str,
        tokenizer: BertTokenizer,
        max_seq_length: int,
        problem_type: str,
    ):
        self._settings = settings
        self._tokenizer, self._max_seq_length = tokenizer, max_seq_length
        self._problem_type = problem_type
        self._learnt = read_vote(folder) if settings["vote"] == ATTENTION else None

    @property
    def needs_vectors(self) -> bool:
        """Whether the vote is over the chunks' pooled vectors."""
        return self._learnt is not None

    def logits(self, predictor: Predictor, texts: Sequence[str]) -> np.ndarray:
        """Logits of the texts, float64 [texts, labels].

        Args:
            predictor: of chunks; gives "logits", and "vectors" if they are needed.
            texts: at least one.
        """
        settings = self._settings
        stride = settings.get("document_stride")
        cut = cut_documents(self._tokenizer, texts, self._max_seq_length, stride)
        outputs = predictor.predict(cut.token_ids)
        if self._learnt is not None:
            return self._learnt.logits(outputs["vectors"], cut.document)
        return vote_logits(
            outputs["logits"], cut.document, self._problem_type, settings["vote"],
            settings["vote_c"],
        )  # fmt: skip


def document_voter(fine_tuned, problem_type: str) -> DocumentVoter | None:
    """The voter of a model that was trained on chunks; None for any other.

    Raises:
        FileNotFoundError: the model's folder lacks the vote that was learnt.
    """
    settings = fine_tuned.task.settings
    if not settings.get("long_documents"):
        return None
    path = fine_tuned.source.path
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    return DocumentVoter(
        settings, folder, fine_tuned.tokenizer, fine_tuned.max_seq_length, problem_type
    )
