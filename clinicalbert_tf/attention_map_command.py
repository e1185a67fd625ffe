"""The steps behind `python -m clinicalbert_tf.attention_map`: flags to library calls."""

import sys

from absl import flags

from clinicalbert_tf.flags import define_flags, define_table, values_of
from clinicalbert_tf.inference.loading import (
    ModelSource,
    check_length,
    default_checkpoint,
    load_model,
)
from clinicalbert_tf.inference.seeing.settings import AttributionSettings, MapSettings
from clinicalbert_tf.texts.rows import RowSource, read_rows

# --help of the command lists the flags that are defined here for it.
flags.disclaim_key_flags()
_EXAMPLE = "The patient was given morphine for pain."
# (kind, name, default, help)
_FLAGS = (
    (flags.DEFINE_string, "model", None, """A fine-tuned run, or any checkpoint that
        clinicalbert_tf.from_pretrained takes; default the newest runs/pretrain-* here."""),
    (flags.DEFINE_string, "model_name", None, "The model's name if the checkpoint holds several."),
    (flags.DEFINE_string, "text", None, "The text to look at."),
    (flags.DEFINE_string, "input", None,
        "Or a file of texts: lines, .jsonl, .csv, NOTEEVENTS; .gz of each."),
    (flags.DEFINE_string, "id", None, "The text of the file to look at, by its identifier."),
    (flags.DEFINE_bool, "attributions", False,
        "Also attribute a classifier's output to the wordpieces."),
)  # fmt: skip


def define_map_flags() -> None:
    """Defines the flags."""
    define_table(_FLAGS)
    define_flags(RowSource, ("category_column", "patient_column"))
    define_flags(MapSettings)
    define_flags(AttributionSettings)


def read_text(values: flags.FlagValues) -> tuple[str, str]:
    """The text to look at, and what to call it: its identifier or "text".

    Raises:
        ValueError: neither or both of --text and --input are given, or the file has no such text.
    """
    if (values.text is None) == (values.input is None) or (
        values.input is not None and values.id is None
    ):
        raise ValueError("Expected either --text, or --input with --id, received neither or both.")
    if values.text is not None:
        return values.text, "text"
    from tfrecords_builder.notes.reading import read_notes

    for row in read_rows(RowSource(values.input, **values_of(RowSource, values)), read_notes):
        if row.note_id == values.id:
            return row.text, values.id
    raise ValueError(
        f"Expected a text with the identifier {values.id} in {values.input}, found none. Check "
        "--id and --id_column; lines of text are numbered from 0."
    )


def load(values: flags.FlagValues):
    """The model that the flags name, or the default one.

    Raises:
        FileNotFoundError, ValueError: there is none, or it cannot be read.
    """
    path = values.model
    if path is None:
        path = default_checkpoint()
        print(f"No --model: using {path}.", file=sys.stderr)
    return load_model(ModelSource(path, values.model_name))


def show(values: flags.FlagValues) -> str:
    """Maps an example, with a tiny model if there is none here; returns the closing lines."""
    from clinicalbert_tf import embedded_tools

    values.model = values.model or embedded_tools.checkpoint_here()
    if not values["output_dir"].present:
        values.output_dir = embedded_tools.output_folder("attention_map")
    print(f"No text: mapping {_EXAMPLE!r}.")
    written = write_files(load(values), _EXAMPLE, "example", values)
    return f"{written}\nNext:\n  python -m clinicalbert_tf.attention_map --model=RUN --text=TEXT"


def write_files(bert, text: str, name: str, values: flags.FlagValues) -> str:
    """Writes what the flags ask for; returns the closing lines.

    Raises:
        ValueError: there is no such window, layer, head or label.
    """
    from clinicalbert_tf.inference.seeing.windows import text_windows
    from clinicalbert_tf.report.attention_files import write_attributions, write_map
    from tfrecords_builder.files import make_private_folder

    settings = MapSettings(**values_of(MapSettings, values))
    check_length(settings.max_seq_length, bert.config)
    make_private_folder(settings.output_dir)
    windows = text_windows(bert.tokenizer, text, settings.max_seq_length)
    lines = write_map(bert, windows, name, settings)
    if values.attributions:
        attribution = AttributionSettings(**values_of(AttributionSettings, values))
        lines += write_attributions(bert, windows, text, name, settings.output_dir, attribution)
    return "\n".join(lines)
