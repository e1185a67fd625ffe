"""What an index is made of."""

import dataclasses

from clinicalbert_tf.inference.settings import POOLINGS
from clinicalbert_tf.setting_fields import check_values, setting
from clinicalbert_tf.texts.rows import RowSource
from clinicalbert_tf.texts.windows import default_stride

ENGINES = ("auto", "exact", "usearch")
# Above this many vectors an exact search takes longer than a reader likes to wait.
MOST_EXACT = 1_000_000


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """How a text becomes a vector; the same for notes and queries.

    Raises:
        ValueError: there is no such pooling, or a chunk has no place for a wordpiece.
    """

    pooling: str = setting(
        "mean",
        """One vector of a chunk's tokens: their mean, [CLS] and [SEP] included; cls, that of
        [CLS]; or max, the largest values. Sentence-transformers models want mean.""",
        choices=POOLINGS,
    )
    max_seq_length: int = setting(
        128,
        "Tokens per chunk, [CLS] and [SEP] included; longer queries are cut to it.",
        at_least=3,
    )

    def __post_init__(self):
        check_values(self)


@dataclasses.dataclass(frozen=True)
class IndexSettings:
    """One index.

    Attributes:
        source: the file of notes.
        folder: where the index goes; there only when complete.
        encoder: how a chunk becomes a vector.

    Raises:
        ValueError: the values do not fit each other.
    """

    source: RowSource
    folder: str
    encoder: EncoderSettings = EncoderSettings()
    stride: int | None = setting(
        None,
        """Wordpieces from one chunk of a note to the next; default three quarters of
        max_seq_length - 2.""",
    )
    batch_size: int = setting(
        32,
        "Sequences of max_seq_length tokens per batch; of shorter ones more.",
        at_least=1,
    )
    store_text: bool = setting(False, "Keep the chunks' text, which query then prints.")
    engine: str = setting(
        "auto",
        """exact compares every vector. usearch (extra `search`) is approximate. auto: usearch for
        more than a million vectors, if it is installed.""",
        choices=ENGINES,
    )
    overwrite: bool = setting(False, "Replace the index at --index_dir.")

    def __post_init__(self):
        check_values(self)
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
