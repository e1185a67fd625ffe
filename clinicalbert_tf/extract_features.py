"""Vectors of texts from a BERT checkpoint: of every wordpiece, of sentences, of whole notes.

    python -m clinicalbert_tf.extract_features --input_file=sentences.txt \\
        --output_file=features.jsonl --init_checkpoint=CHECKPOINT
    python -m clinicalbert_tf.extract_features --input_file=NOTEEVENTS.csv.gz \\
        --output_file=notes.parquet --init_checkpoint=CHECKPOINT --pooling=mean

The first form has the reference's flags and output: JSON lines with every wordpiece and its
vectors. That output holds the text's own wordpieces: keep it like the notes themselves. The second
writes one vector a line, note or sentence. Both resume by themselves after being killed.
"""

import os
import sys
from collections.abc import Iterator

from absl import flags

from tfrecords_builder import command_line

_STRING, _BOOL, _INTEGER = flags.DEFINE_string, flags.DEFINE_bool, flags.DEFINE_integer
_ENUM = flags.DEFINE_enum

# (kind, name, default, help, further arguments). The reference's come first, under their names.
_REFERENCE_FLAGS = (
    (_STRING, "input_file", None, """Texts: lines (a pair as `first ||| second`), .jsonl, .csv
        or NOTEEVENTS; .gz of each.""", {"required": True}),
    (_STRING, "output_file", None, """Where the features go: .parquet, .npz and .tfrecord[.gz]
        get one vector a row; any other name the reference's JSON lines, which contain the text's
        wordpieces. Replaced when complete; mode 0600.""", {"required": True}),
    (_STRING, "init_checkpoint", None, """The model: anything that
        clinicalbert_tf.from_pretrained takes.""", {"required": True}),
    (_STRING, "bert_config_file", None, "bert_config.json, where not beside the checkpoint.", {}),
    (_STRING, "vocab_file", None, "vocab.txt, where not beside the checkpoint.", {}),
    (_BOOL, "do_lower_case", None, """Casing; by default told from the model. One that does not
        fit it is an error.""", {}),
    (_STRING, "layers", None, """Encoder layers, comma-separated: -1 is the last, 0 the first.
        Default -1,-2,-3,-4 for JSON lines (all of a smaller model), -1 for vectors; the vectors
        of several layers stand one after the other.""", {}),
    (_INTEGER, "max_seq_length", 128, """Tokens a sequence, [CLS] and [SEP] included. JSON lines
        truncate longer texts; vectors are made from windows of this length.""", {}),
    (_INTEGER, "batch_size", 32, """Sequences of max_seq_length tokens per batch; of shorter ones
        as many as have the same number of tokens.""", {"lower_bound": 1}),
    (_BOOL, "use_one_hot_embeddings", False, "Accepted; changes no output.", {}),
    (_BOOL, "use_tpu", False, "True is refused: features are extracted on CPU or GPU.", {}),
    (_STRING, "master", None, "A TPU's address; refused when given.", {}),
    (_INTEGER, "num_tpu_cores", 8, "Accepted; changes nothing.", {}),
)  # fmt: skip
_OTHER_FLAGS = (
    (_STRING, "model", None, "The model's name where the checkpoint holds several.", {}),
    (_ENUM, "input_format", "auto", """Form of --input_file; auto goes by its name and, for CSV,
        its header.""", {"enum_values": ["auto", "text", "jsonl", "csv", "noteevents"]}),
    (_STRING, "text_column", "text", "CSV column or JSON key of the text.", {}),
    (_STRING, "id_column", "note_id", "CSV column or JSON key of the identifier.", {}),
    (_STRING, "category_column", "category", """CSV column or JSON key of the kind of note; used
        where it is there.""", {}),
    (_ENUM, "unit", "note", "What gets a row: a whole note (or line), or each of its sentences.",
        {"enum_values": ["note", "sentence"]}),
    (_ENUM, "output_format", "auto", """Form of the output; auto goes by the name of
        --output_file.""", {"enum_values": ["auto", "jsonl", "parquet", "npz", "tfrecord"]}),
    (_ENUM, "pooling", "mean", """One vector of many tokens: masked mean (a token in two windows
        counts once), [CLS] (the windows' mean, weighted by their tokens), or the largest
        values.""", {"enum_values": ["mean", "cls", "max"]}),
    (_INTEGER, "stride", None, """Wordpieces from one window of a long text to the next; default
        three quarters of max_seq_length - 2.""", {}),
    (_STRING, "projector", None, """Folder for TensorBoard's embedding projector: vectors, note
        ids and categories.""", {}),
    (_INTEGER, "projector_rows", 10_000, "Rows the projector gets at most.", {"lower_bound": 1}),
    (_BOOL, "projector_text", False, """Put the first 120 characters of each text into the
        projector.""", {}),
    (_BOOL, "restart", False, "Drop an unfinished run's parts instead of resuming.", {}),
)  # fmt: skip


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags: the reference's under their names, and those of the vectors."""
    for define, name, default, text, others in (*_REFERENCE_FLAGS, *_OTHER_FLAGS):
        define(
            name=name,
            default=default,
            help=" ".join(text.split()),
            flag_values=flag_values,
            **others,
        )


def settings_from_flags(values: flags.FlagValues):
    """The flags as ExtractionSettings.

    Raises:
        ValueError: flags that do not fit each other.
    """
    from clinicalbert_tf.inference.settings import resolve_settings
    from clinicalbert_tf.texts.rows import RowSource

    if values.use_tpu or values.master:
        raise ValueError(
            "Expected features to be extracted on CPU or GPU, received --use_tpu or --master. "
            "Drop these flags."
        )
    columns = ("input_format", "text_column", "id_column", "category_column")
    others = ("unit", "pooling", "projector", "projector_rows", "projector_text")
    return resolve_settings(
        source=RowSource(values.input_file, **{name: getattr(values, name) for name in columns}),
        output_file=values.output_file,
        output_format=values.output_format,
        layers=_parse_layers(values.layers),
        max_seq_length=values.max_seq_length,
        stride=values.stride,
        batch_size=values.batch_size,
        **{name: getattr(values, name) for name in others},
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


def open_rows(settings) -> Iterator:
    """The rows of the source: notes, or sentences of notes by the builder's rules."""
    from clinicalbert_tf.texts.rows import read_first, read_rows, sentence_rows
    from tfrecords_builder.notes.reading import read_notes

    rows = read_first(read_rows(settings.source, read_notes))
    if settings.unit == "note":
        return rows
    from tfrecords_builder.text.cutting import cut_note

    return sentence_rows(rows, lambda text: cut_note(text, "corrected", "rules").lines)


def run(values: flags.FlagValues = flags.FLAGS) -> str:
    """Checks, loads, extracts; returns the closing line."""
    from clinicalbert_tf.inference.loading import ModelSource, load_model
    from clinicalbert_tf.inference.writers import check_writable
    from tfrecords_builder.files import check_folder_of

    settings = settings_from_flags(values)
    check_folder_of(settings.output_file, "output_file")
    check_writable(settings.output_format)
    rows = open_rows(settings)
    bert = load_model(
        ModelSource(
            values.init_checkpoint,
            values.model,
            values.bert_config_file,
            values.vocab_file,
            values.do_lower_case,
        )
    )
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


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    if len(argv) > 1:
        sys.exit(f"Expected flags only, received {len(argv) - 1} other arguments. See --help.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        print(run())
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"extract_features: {error}")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
