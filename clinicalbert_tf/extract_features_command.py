"""The steps behind `python -m clinicalbert_tf.extract_features`: flags to library calls."""

import os
from collections.abc import Iterator

from absl import flags

from clinicalbert_tf.flags import define_flags, define_table, values_of
from clinicalbert_tf.inference.loading import ModelSource, load_model
from clinicalbert_tf.inference.settings import ExtractionSettings, resolve_settings
from clinicalbert_tf.texts.rows import RowSource, read_first, read_rows, sentence_rows

# --help of the command lists the flags that are defined here for it.
flags.disclaim_key_flags()
_STRING, _BOOL, _INTEGER = flags.DEFINE_string, flags.DEFINE_bool, flags.DEFINE_integer
_REQUIRED = ("input_file", "output_file", "init_checkpoint")
# The reference's that are no settings, and ours: (kind, name, default, help, further arguments)
_FLAGS = (
    (_STRING, "input_file", None, """Texts: lines (a pair as `first ||| second`), .jsonl, .csv
        or NOTEEVENTS; .gz of each."""),
    (_STRING, "init_checkpoint", None,
        "The model: anything that clinicalbert_tf.from_pretrained takes."),
    (_INTEGER, "batch_size", 32, """Sequences of max_seq_length tokens per batch; of shorter ones
        as many as have the same number of tokens.""", {"lower_bound": 1}),
    (_BOOL, "use_one_hot_embeddings", False, "Accepted; changes no output."),
    (_BOOL, "use_tpu", False, "True is refused: features are extracted on CPU or GPU."),
    (_STRING, "master", None, "A TPU's address; refused when given."),
    (_INTEGER, "num_tpu_cores", 8, "Accepted; changes nothing."),
    (_BOOL, "restart", False, "Drop an unfinished run's parts instead of resuming."),
)  # fmt: skip


def define_extraction_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags: the reference's under their names, and those of the vectors."""
    define_table(_FLAGS, flag_values)
    define_flags(ModelSource, flag_values=flag_values)
    define_flags(RowSource, ("patient_column",), flag_values=flag_values)
    define_flags(ExtractionSettings, (), {"output_format": "auto"}, flag_values)


def extract_features(values: flags.FlagValues) -> str:
    """Checks, loads, extracts; returns the closing lines.

    Raises:
        FileNotFoundError, ImportError, ValueError: a flag, a file or the model is wrong.
    """
    from tfrecords_builder.files import check_folder_of

    missing = [f"--{name}" for name in _REQUIRED if not values[name].value]
    if missing:
        raise ValueError(f"Expected {', '.join(missing)}, received none. Add what is missing.")
    settings = _settings(values)
    check_folder_of(settings.output_file, "output_file")
    rows = _open_rows(settings)
    # Late: with TensorFlow behind it, wrong flags would take seconds.
    from clinicalbert_tf.inference.writers import check_writable

    check_writable(settings.output_format)
    bert = load_model(ModelSource(values.init_checkpoint, **values_of(ModelSource, values)))
    from clinicalbert_tf.inference.extraction import extract

    report = extract(settings, bert, rows, values.restart)
    rate = report.tokens / report.seconds if report.seconds else 0
    lines = [
        f"{settings.output_file}: {report.rows} rows ({report.resumed_rows} of them from an "
        f"earlier run), {report.tokens} tokens in {report.seconds:.1f} s ({rate:,.0f} tokens/s)."
    ]
    if settings.projector:
        lines.append(
            f"{settings.projector}: {report.projector_rows} points. Look at them with "
            f"`tensorboard --logdir {settings.projector}`, tab Projector."
        )
    return "\n".join(lines)


def show(values: flags.FlagValues) -> str:
    """Writes the vectors of invented notes; returns the closing lines."""
    from clinicalbert_tf import embedded_tools

    folder = embedded_tools.output_folder("extract_features")
    values.input_file = embedded_tools.notes_file(folder)
    values.output_file = os.path.join(folder, "vectors.npz")
    values.init_checkpoint = embedded_tools.checkpoint_here()
    own = "--input_file=NOTES.jsonl --output_file=VECTORS.parquet --init_checkpoint=MODEL"
    command = f"python -m clinicalbert_tf.extract_features {own}"
    return f"{extract_features(values)}\nNext:\n  {command}"


def _settings(values: flags.FlagValues) -> ExtractionSettings:
    if values.use_tpu or values.master:
        raise ValueError(
            "Expected features to be extracted on CPU or GPU, received --use_tpu or --master. "
            "Drop these flags."
        )
    given = values_of(ExtractionSettings, values)
    return resolve_settings(
        source=RowSource(values.input_file, **values_of(RowSource, values)),
        batch_size=values.batch_size,
        **{**given, "layers": _parse_layers(given["layers"])},
    )


def _parse_layers(layers: str | None) -> tuple[int, ...] | None:
    if layers is None:
        return None
    try:
        return tuple(int(layer) for layer in layers.split(","))
    except ValueError:
        raise ValueError(
            f"Expected --layers as comma-separated numbers such as -1,-2, received {layers!r}. "
            "Correct the flag."
        ) from None


def _open_rows(settings: ExtractionSettings) -> Iterator:
    """The rows of the source: notes, or sentences of notes by the builder's rules."""
    from tfrecords_builder.notes.reading import read_notes
    from tfrecords_builder.text.cutting import cut_note

    rows = read_first(read_rows(settings.source, read_notes))
    if settings.unit == "note":
        return rows
    return sentence_rows(rows, lambda text: cut_note(text, "corrected", "rules").lines)
