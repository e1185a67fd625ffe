"""What a run of extract_features is asked for."""

import dataclasses

from clinicalbert_tf.texts.rows import RowSource
from clinicalbert_tf.texts.windows import default_stride

VECTOR_FORMATS = ("parquet", "npz", "tfrecord")
OUTPUT_FORMATS = ("jsonl", *VECTOR_FORMATS)
UNITS = ("note", "sentence")
POOLINGS = ("mean", "cls", "max")
# The reference's default for token vectors; a text's vector is usually taken from the last layer.
_TOKEN_LAYERS = 4
_VECTOR_LAYERS = 1
_SUFFIXES = {
    ".parquet": "parquet",
    ".npz": "npz",
    ".tfrecord": "tfrecord",
    ".tfrecord.gz": "tfrecord",
}


@dataclasses.dataclass(frozen=True)
class ExtractionSettings:
    """One extraction.

    Attributes:
        source: the file of texts.
        output_file: where the features go; there only when complete.
        output_format: one of OUTPUT_FORMATS; "jsonl" holds every wordpiece, the others one vector
            a row.
        layers: the reference's indexes, -1 for the last encoder layer; None for the default, see
            `layers_of`.
        unit: whether a note is one row, or each of its sentences.
        pooling: "mean", "cls" or "max"; not used for "jsonl".
        max_seq_length: tokens a window, [CLS] and [SEP] included.
        stride: wordpieces from one window to the next; None for "jsonl", which truncates.
        batch_tokens: places a batch, padding included.
        projector: a folder for the embedding projector, or None.
        projector_rows: rows that the projector gets at most.
        projector_text: whether the beginning of each text is written into the projector's files.

    Raises:
        ValueError: the values do not fit each other.
    """

    source: RowSource
    output_file: str
    output_format: str
    layers: tuple[int, ...] | None = None
    unit: str = "note"
    pooling: str = "mean"
    max_seq_length: int = 128
    stride: int | None = None
    batch_tokens: int = 4096
    projector: str | None = None
    projector_rows: int = 10_000
    projector_text: bool = False

    def __post_init__(self):
        _one_of("output_format", self.output_format, OUTPUT_FORMATS)
        _one_of("unit", self.unit, UNITS)
        if self.max_seq_length < 4:
            raise ValueError(
                f"Expected max_seq_length of at least 4 tokens, received {self.max_seq_length}. "
                "A pair needs [CLS], two [SEP] and a wordpiece."
            )
        most = self.max_seq_length - 2
        if self.stride is not None and not 1 <= self.stride <= most:
            raise ValueError(
                f"Expected a stride from 1 to {most} wordpieces (max_seq_length - 2: a larger one "
                f"leaves wordpieces out), received {self.stride}. Correct --stride."
            )
        if self.projector and self.output_format == "jsonl":
            raise ValueError(
                "Expected an output of one vector a text for --projector, received JSON lines of "
                f"wordpieces. Choose --output_format from {', '.join(VECTOR_FORMATS)}."
            )

    def layers_of(self, encoder_layers: int) -> tuple[int, ...]:
        """The layers of a model: those asked for, or the last four (jsonl), or the last.

        A model of fewer than four layers gives all of them.
        """
        if self.layers is not None:
            return self.layers
        most = _TOKEN_LAYERS if self.output_format == "jsonl" else _VECTOR_LAYERS
        return tuple(range(-1, -1 - min(most, encoder_layers), -1))

    def shaping(self) -> dict:
        """Everything but source and layers that changes what is written, as JSON values."""
        names = ("output_format", "unit", "pooling", "max_seq_length", "stride", "batch_tokens")
        values = {name: getattr(self, name) for name in names}
        kept_text = bool(self.projector and self.projector_text)
        return {**values, "projector_text": kept_text}


def resolve_settings(
    source: RowSource,
    output_file: str,
    output_format: str,
    max_seq_length: int,
    stride: int | None,
    batch_size: int,
    **others,
) -> ExtractionSettings:
    """Fills in what depends on other settings.

    Args:
        source, output_file, max_seq_length: as in ExtractionSettings.
        output_format: one of OUTPUT_FORMATS, or "auto" for the suffix of `output_file`: .parquet,
            .npz, .tfrecord, .tfrecord.gz; JSON lines for any other.
        stride: None for three quarters of a window.
        batch_size: sequences of max_seq_length tokens per batch; shorter ones are more.
        others: see ExtractionSettings.

    Raises:
        ValueError: the values do not fit each other.
    """
    if output_format == "auto":
        endings = [end for end in _SUFFIXES if output_file.lower().endswith(end)]
        output_format = _SUFFIXES[endings[0]] if endings else "jsonl"
    tokenwise = output_format == "jsonl"
    if stride is not None and tokenwise:
        raise ValueError(
            f"Expected --stride for vectors only, received {stride} for JSON lines of wordpieces, "
            "which truncate a long text as the reference does. Drop the flag."
        )
    if stride is None and not tokenwise:
        stride = default_stride(max_seq_length)
    return ExtractionSettings(
        source=source,
        output_file=output_file,
        output_format=output_format,
        max_seq_length=max_seq_length,
        stride=stride,
        batch_tokens=batch_size * max_seq_length,
        **others,
    )


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(
            f"Expected {name} to be one of {', '.join(allowed)}, received {value!r}. "
            f"Correct --{name}."
        )
