"""The steps behind `python -m clinicalbert_tf.search`: flags to library calls."""

import json
import os
import shlex

from absl import flags

from clinicalbert_tf.flags import define_flags, define_table, values_of
from clinicalbert_tf.inference.loading import ModelSource
from clinicalbert_tf.inference.search.settings import EncoderSettings, IndexSettings
from clinicalbert_tf.texts.rows import RowSource, read_first, read_rows

# --help of the command lists the flags that are defined here for it.
flags.disclaim_key_flags()
# What the invented notes are asked if nothing is given.
_QUERY = "chest pain"
# (kind, name, default, help, further arguments)
_FLAGS = (
    (flags.DEFINE_string, "index_dir", None, """The index's folder: index makes it (mode 0700),
        query reads it."""),
    (flags.DEFINE_string, "init_checkpoint", None, """The model: anything that
        clinicalbert_tf.from_pretrained takes. Default of query: the index's, and no other."""),
    (flags.DEFINE_bool, "json", False, "Print one JSON object instead of lines."),
    (flags.DEFINE_string, "input_file", None,
        "The notes: lines, .jsonl, .csv or NOTEEVENTS; .gz of each."),
    (flags.DEFINE_bool, "restart", False, "Drop an unfinished run's parts instead of resuming."),
    (flags.DEFINE_integer, "k", 10, "Chunks to find at most.", {"lower_bound": 1}),
    (flags.DEFINE_multi_string, "patient", [],
        "Only notes of this patient; several times for several."),
    (flags.DEFINE_multi_string, "category", [], """Only notes of this category, as the source
        spells it; several times for several."""),
    (flags.DEFINE_bool, "per_note", False, "Only the best chunk of each note."),
)  # fmt: skip


def define_search_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of both commands."""
    define_table(_FLAGS, flag_values)
    for settings in (ModelSource, RowSource, EncoderSettings, IndexSettings):
        define_flags(settings, flag_values=flag_values)


def index(values: flags.FlagValues) -> str:
    """Makes an index; returns what is to be printed.

    Raises:
        FileExistsError, FileNotFoundError, ImportError, ValueError: a flag or file is wrong.
    """
    from tfrecords_builder.files import check_folder_of
    from tfrecords_builder.notes.reading import read_notes

    _require(values, "input_file", "index_dir", "init_checkpoint")
    settings = IndexSettings(
        RowSource(values.input_file, **values_of(RowSource, values)),
        values.index_dir,
        EncoderSettings(**values_of(EncoderSettings, values)),
        **values_of(IndexSettings, values),
    )
    check_folder_of(values.index_dir, "index_dir")
    rows = read_first(read_rows(settings.source, read_notes))
    # Late: with TensorFlow behind it, wrong flags would take seconds.
    from clinicalbert_tf.inference.loading import load_model
    from clinicalbert_tf.inference.search.indexing import build_index, check_target

    check_target(settings)
    bert = load_model(_model(values, values.init_checkpoint))
    made = build_index(settings, bert, rows, values.init_checkpoint, values.restart)
    if values.json:
        return json.dumps({"index_dir": values.index_dir, **made})
    return (
        f"{values.index_dir}: {made['notes']} notes in {made['chunks']} chunks "
        f"({made['vectors']} different), {made['empty_notes']} notes without a word left out."
    )


def query(text: str, values: flags.FlagValues) -> str:
    """Finds chunks; returns what is to be printed.

    Raises:
        FileNotFoundError, ImportError, ValueError: a flag, the index or the model is wrong.
    """
    _require(values, "index_dir")
    from clinicalbert_tf.inference.search.querying import find_chunks, hits_as_json, hits_as_lines

    hits = find_chunks(
        *(values.index_dir, text, lambda own: _model(values, values.init_checkpoint or own)),
        count=values.k,
        patients=values.patient,
        categories=values.category,
        per_note=values.per_note,
    )
    return hits_as_json(hits) if values.json else hits_as_lines(hits)


def show(values: flags.FlagValues) -> str:
    """Indexes invented notes and asks the index; returns what is to be printed.

    Raises:
        ValueError: a flag names data, but not whether to index or to query.
    """
    if values.input_file or values.index_dir:
        raise ValueError("Expected `index` or `query TEXT` before the flags, received neither.")
    from clinicalbert_tf import embedded_tools

    folder = embedded_tools.output_folder("search")
    values.input_file = embedded_tools.notes_file(folder)
    values.index_dir = os.path.join(folder, "notes.index")
    values.init_checkpoint = values.init_checkpoint or embedded_tools.checkpoint_here()
    asked = f"python -m clinicalbert_tf.search query '{_QUERY}' --index_dir="
    said = index(values), asked + shlex.quote(values.index_dir), query(_QUERY, values)
    own = "--input_file=NOTES.jsonl --index_dir=INDEX --init_checkpoint=RELEASED_MODEL"
    return "\n".join((*said, "Next:", f"  python -m clinicalbert_tf.search index {own}"))


def _require(values: flags.FlagValues, *names: str) -> None:
    missing = [f"--{name}" for name in names if not getattr(values, name)]
    if missing:
        raise ValueError(f"Expected {' and '.join(missing)}, received none. Add it.")


def _model(values: flags.FlagValues, checkpoint: str) -> ModelSource:
    return ModelSource(checkpoint, **values_of(ModelSource, values))
