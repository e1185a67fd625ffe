"""Finds the notes that say something, by the meaning of their chunks.

    python -m clinicalbert_tf.search index --input_file=notes.csv --index_dir=notes.index \\
        --init_checkpoint=CHECKPOINT
    python -m clinicalbert_tf.search query "short of breath at night" --index_dir=notes.index -k 5

`index` resumes by itself after being killed; the folder is there only when it is complete. `query`
prints a line per chunk: cosine, note id, first character and end in the note's text. The index
holds vectors and identifiers, and text only with --store_text: keep it like the notes themselves.
"""

import dataclasses
import json
import os
import sys

from absl import flags

from tfrecords_builder import command_line

_STRING, _BOOL, _INTEGER = flags.DEFINE_string, flags.DEFINE_bool, flags.DEFINE_integer

# (kind, name, default, help, further arguments)
_FLAGS = (
    (_STRING, "index_dir", None, """The index's folder: index makes it (mode 0700), query reads
        it.""", {}),
    (_STRING, "init_checkpoint", None, """The model: anything that
        clinicalbert_tf.from_pretrained takes. query takes the index's by default, and no
        other.""", {}),
    (_STRING, "model", None, "The model's name if the checkpoint holds several.", {}),
    (_STRING, "bert_config_file", None, "bert_config.json, if not beside the checkpoint.", {}),
    (_STRING, "vocab_file", None, "vocab.txt, if not beside the checkpoint.", {}),
    (_BOOL, "do_lower_case", None, "Casing; by default told from the model.", {}),
    (_BOOL, "json", False, "Print one JSON object instead of lines.", {}),
    # index
    (_STRING, "input_file", None, """index: the notes: lines, .jsonl, .csv or NOTEEVENTS; .gz of
        each.""", {}),
    (flags.DEFINE_enum, "input_format", "auto", """index: form of --input_file; auto goes by its
        name and, for CSV, its header.""",
        {"enum_values": ["auto", "text", "jsonl", "csv", "noteevents"]}),
    (_STRING, "text_column", "text", "index: CSV column or JSON key of the text.", {}),
    (_STRING, "id_column", "note_id", "index: CSV column or JSON key of the identifier.", {}),
    (_STRING, "category_column", "category", """index: CSV column or JSON key of the kind of note;
        used if it is there.""", {}),
    (_STRING, "patient_column", "subject_id", """index: CSV column or JSON key of the patient; used
        if it is there.""", {}),
    (flags.DEFINE_enum, "pooling", "mean", """index: one vector of a chunk's tokens: their mean,
        [CLS], or the largest values. Sentence-transformers models want mean.""",
        {"enum_values": ["mean", "cls", "max"]}),
    (_INTEGER, "max_seq_length", 128, """index: tokens per chunk, [CLS] and [SEP] included; longer
        queries are cut to it.""", {"lower_bound": 3}),
    (_INTEGER, "stride", None, """index: wordpieces from one chunk of a note to the next; default
        three quarters of max_seq_length - 2.""", {}),
    (_INTEGER, "batch_size", 32, "index: sequences of max_seq_length tokens per batch.",
        {"lower_bound": 1}),
    (_BOOL, "store_text", False, "index: keep the chunks' text, which query then prints.", {}),
    (flags.DEFINE_enum, "engine", "auto", """index: exact compares every vector. usearch (extra
        `search`) is approximate. auto: usearch for more than a million vectors, if it is
        installed.""", {"enum_values": ["auto", "exact", "usearch"]}),
    (_BOOL, "overwrite", False, "index: replace the index at --index_dir.", {}),
    (_BOOL, "restart", False, "index: drop an unfinished run's parts instead of resuming.", {}),
    # query
    (_INTEGER, "k", 10, "query: chunks to find at most.", {"lower_bound": 1}),
    (flags.DEFINE_multi_string, "patient", [], """query: only notes of this patient; several times
        for several.""", {}),
    (flags.DEFINE_multi_string, "category", [], """query: only notes of this category, as the
        source spells it; several times for several.""", {}),
    (_BOOL, "per_note", False, "query: only the best chunk of each note.", {}),
)  # fmt: skip


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of both commands."""
    for define, name, default, text, others in _FLAGS:
        text = " ".join(text.split())
        define(name=name, default=default, help=text, flag_values=flag_values, **others)


def _required(values: flags.FlagValues, *names: str) -> None:
    missing = [f"--{name}" for name in names if not getattr(values, name)]
    if missing:
        raise ValueError(f"Expected {' and '.join(missing)}, received none. Add it.")


def _model_source(values: flags.FlagValues, checkpoint: str):
    from clinicalbert_tf.inference.loading import ModelSource

    names = ("model", "bert_config_file", "vocab_file", "do_lower_case")
    return ModelSource(checkpoint, **{name: getattr(values, name) for name in names})


def index(values: flags.FlagValues = flags.FLAGS) -> str:
    """Makes an index; returns what is to be printed."""
    from clinicalbert_tf.inference.search.settings import EncoderSettings, IndexSettings
    from clinicalbert_tf.texts.rows import RowSource, read_first, read_rows
    from tfrecords_builder.files import check_folder_of
    from tfrecords_builder.notes.reading import read_notes

    _required(values, "input_file", "index_dir", "init_checkpoint")
    columns = ("input_format", "text_column", "id_column", "category_column", "patient_column")
    names = ("stride", "batch_size", "store_text", "engine", "overwrite")
    settings = IndexSettings(
        RowSource(values.input_file, **{name: getattr(values, name) for name in columns}),
        values.index_dir,
        EncoderSettings(values.pooling, values.max_seq_length),
        **{name: getattr(values, name) for name in names},
    )
    check_folder_of(values.index_dir, "index_dir")
    rows = read_first(read_rows(settings.source, read_notes))
    from clinicalbert_tf.inference.loading import load_model
    from clinicalbert_tf.inference.search.indexing import build_index, check_target

    check_target(settings)
    bert = load_model(_model_source(values, values.init_checkpoint))
    made = build_index(settings, bert, rows, values.init_checkpoint, values.restart)
    if values.json:
        return json.dumps({"index_dir": values.index_dir, **made})
    return (
        f"{values.index_dir}: {made['notes']} notes in {made['chunks']} chunks "
        f"({made['vectors']} different), {made['empty_notes']} notes without a word left out."
    )


def query(text: str, values: flags.FlagValues = flags.FLAGS) -> str:
    """Finds chunks; returns what is to be printed."""
    _required(values, "index_dir")
    from clinicalbert_tf.inference.loading import load_model, model_digest
    from clinicalbert_tf.inference.search.search_index import SearchIndex, check_model
    from clinicalbert_tf.inference.search.settings import EncoderSettings

    index_ = SearchIndex(values.index_dir)
    described = index_.described
    checkpoint = values.init_checkpoint or described["checkpoint"]
    bert = load_model(_model_source(values, checkpoint))
    check_model(described, model_digest(bert), checkpoint)
    from clinicalbert_tf.inference.search.encoder import ChunkEncoder

    settings = EncoderSettings(described["pooling"], described["max_seq_length"])
    vector = ChunkEncoder(bert, settings).encode_query(text)
    hits = index_.search(vector, values.k, values.patient, values.category, values.per_note)
    found = [
        {name: value for name, value in dataclasses.asdict(hit).items() if value is not None}
        for hit in hits
    ]
    if values.json:
        return json.dumps({"results": found}, ensure_ascii=False)
    lines = []
    for hit in hits:
        shown = "" if hit.text is None else "\t" + " ".join(hit.text.split())
        lines.append(f"{hit.score:.4f}\t{hit.note_id}\t{hit.start}\t{hit.end}{shown}")
    return "\n".join(lines) or "No note is left by the filters."


def main(argv: list[str]) -> None:
    """Runs a command; an error that a user can mend is one message and exit status 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        if argv[1:] == ["index"]:
            print(index())
        elif argv[1:2] == ["query"] and len(argv) == 3:
            print(query(argv[2]))
        else:
            # What is asked for may be a patient's: it is counted, not shown.
            raise ValueError(
                "Expected `index` without more, or `query` and one text, received "
                f"{len(argv) - 1} arguments. See --help."
            )
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"search: {error}")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
