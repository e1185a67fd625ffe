"""What a run of extract_features is asked for."""

import dataclasses

from clinicalbert_tf.setting_fields import REQUIRED, check_values, setting
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
        batch_tokens: positions per batch, padding included.

    Raises:
        ValueError: the values do not fit each other.
    """

    source: RowSource
    output_file: str = setting(
        REQUIRED,
        """Where the features go: .parquet, .npz and .tfrecord[.gz] get one vector per row; any
        other name the reference's JSON lines, which contain the text's wordpieces. Replaced when
        complete; mode 0600.""",
    )
    output_format: str = setting(
        REQUIRED,
        """Form of the output: jsonl (every wordpiece), parquet, npz or tfrecord (one vector per
        row); auto goes by the name of --output_file.""",
    )
    layers: tuple[int, ...] | None = setting(
        None,
        """Encoder layers, comma-separated: -1 is the last, 0 the first. Default -1,-2,-3,-4 for
        JSON lines (all of a smaller model), -1 for vectors; the vectors of several layers stand
        one after the other.""",
    )
    unit: str = setting(
        "note",
        "What gets a row: a whole note (or line), or each sentence.",
        choices=UNITS,
    )
    pooling: str = setting(
        "mean",
        """One vector of many tokens: masked mean (a token in two windows counts once), cls (the
        windows' mean of [CLS], weighted by their tokens), or max, the largest values.""",
        choices=POOLINGS,
    )
    max_seq_length: int = setting(
        128,
        """Tokens per sequence, [CLS] and [SEP] included. JSON lines truncate longer texts; vectors
        are made from windows of this length.""",
    )
    stride: int | None = setting(
        None,
        """Wordpieces from one window of a long text to the next; default three quarters of
        max_seq_length - 2.""",
    )
    batch_tokens: int = 4096
    projector: str | None = setting(
        None,
        "Folder for TensorBoard's embedding projector: vectors, note ids and categories.",
    )
    projector_rows: int = setting(10_000, "Rows the projector gets at most.", at_least=1)
    projector_text: bool = setting(
        False, "Put the first 120 characters of each text into the projector."
    )

    def __post_init__(self):
        check_values(self)
        if self.output_format not in OUTPUT_FORMATS:
            raise ValueError(
                f"Expected --output_format to be one of auto, {', '.join(OUTPUT_FORMATS)}, "
                f"received {self.output_format!r}."
            )
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
