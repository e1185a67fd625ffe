"""What an index is made of."""

import dataclasses

from clinicalbert_tf.inference.layers import POOLINGS
from clinicalbert_tf.texts.rows import RowSource
from clinicalbert_tf.texts.windows import default_stride

ENGINES = ("auto", "exact", "usearch")
# Above this many vectors an exact search takes longer than a reader likes to wait.
MOST_EXACT = 1_000_000


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """How a text becomes a vector; the same for notes and queries.

    Attributes:
        pooling: "mean" over all tokens, [CLS] and [SEP] included, as sentence-transformers does;
            "cls"; or "max".
        max_seq_length: tokens per chunk, [CLS] and [SEP] included.

    Raises:
        ValueError: there is no such pooling, or a chunk has no place for a wordpiece.
    """

    pooling: str = "mean"
    max_seq_length: int = 128

    def __post_init__(self):
        if self.pooling not in POOLINGS:
            raise ValueError(
                f"Expected pooling to be one of {', '.join(POOLINGS)}, received {self.pooling!r}. "
                "Correct --pooling."
            )
        if self.max_seq_length < 3:
            raise ValueError(
                "Expected max_seq_length of at least 3 tokens ([CLS], a wordpiece, [SEP]), "
                f"received {self.max_seq_length}. Raise --max_seq_length."
            )


@dataclasses.dataclass(frozen=True)
class IndexSettings:
    """One index.

    Attributes:
        source: the file of notes.
        folder: where the index goes; there only when complete.
        encoder: how a chunk becomes a vector.
        stride: wordpieces from one chunk of a note to the next; None for three quarters of a
            chunk.
        batch_size: sequences of max_seq_length tokens per batch; shorter ones are more.
        store_text: whether the index keeps the chunks' text.
        engine: one of ENGINES; "auto" is usearch for more than MOST_EXACT vectors.
        overwrite: whether an index at `folder` is replaced.

    Raises:
        ValueError: the values do not fit each other.
    """

    source: RowSource
    folder: str
    encoder: EncoderSettings = EncoderSettings()
    stride: int | None = None
    batch_size: int = 32
    store_text: bool = False
    engine: str = "auto"
    overwrite: bool = False

    def __post_init__(self):
        if self.engine not in ENGINES:
            raise ValueError(
                f"Expected engine to be one of {', '.join(ENGINES)}, received {self.engine!r}. "
                "Correct --engine."
            )
        most = self.encoder.max_seq_length - 2
        if self.stride is not None and not 1 <= self.stride <= most:
            raise ValueError(
                f"Expected a stride from 1 to {most} wordpieces (max_seq_length - 2), received "
                f"{self.stride}. Correct --stride."
            )

    @property
    def wordpieces_between(self) -> int:
        """`stride` with its default resolved."""
        return self.stride or default_stride(self.encoder.max_seq_length)
