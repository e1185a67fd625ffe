"""What a BERT checkpoint expects at a place in a text, and how well it expects a file of notes.

    python -m clinicalbert_tf.fill_mask "The patient was given [MASK] for pain."
    python -m clinicalbert_tf.fill_mask "BP [MASK] and [MASK] stable." --checkpoint=CHECKPOINT
    python -m clinicalbert_tf.fill_mask --perplexity=notes.jsonl --checkpoint=CHECKPOINT

Without --checkpoint the newest folder runs/pretrain-* below the current one is used, which
`python -m clinicalbert_tf.pretrain --strategy mirrored` makes.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from absl import flags

from tfrecords_builder import command_line

_STRING, _BOOL, _INTEGER = flags.DEFINE_string, flags.DEFINE_bool, flags.DEFINE_integer

# (kind, name, default, help, further arguments)
_FLAGS = (
    (_STRING, "checkpoint", None, """The model: anything that clinicalbert_tf.from_pretrained
        takes; default the newest runs/pretrain-* here.""", {}),
    (_STRING, "model", None, "The model's name where the checkpoint holds several.", {}),
    (_STRING, "bert_config_file", None, "bert_config.json, where not beside the checkpoint.", {}),
    (_STRING, "vocab_file", None, "vocab.txt, where not beside the checkpoint.", {}),
    (_BOOL, "do_lower_case", None, """Casing; by default told from the model. One that does not
        fit it is an error.""", {}),
    (_INTEGER, "top_k", 5, "Words printed for each [MASK].", {}),
    (_STRING, "perplexity", None, """Instead of filling: the pseudo-perplexity of each text of a
        file (lines, .jsonl, .csv, NOTEEVENTS; .gz of each) and of all together, over
        wordpieces.""", {}),
    (_STRING, "output_file", None, """Where the pseudo-perplexities go, tab-separated; default
        stdout.""", {}),
    (_INTEGER, "sample_tokens", 0, """Wordpieces scored a note, drawn at random: an estimate for
        a fraction of the time. 0 scores all; each costs one pass of its window through the
        model.""", {"lower_bound": 0}),
    (_INTEGER, "random_seed", 12345, "Seed of that draw.", {"lower_bound": 0}),
    (_INTEGER, "max_seq_length", None, """Tokens a window of a long note, [CLS] and [SEP]
        included; default 128, or the model's positions where fewer.""", {"lower_bound": 4}),
    (_INTEGER, "batch_size", 32, "Sequences of max_seq_length tokens per batch.",
        {"lower_bound": 1}),
    (flags.DEFINE_enum, "input_format", "auto", """Form of the file; auto goes by its name and,
        for CSV, its header.""", {"enum_values": ["auto", "text", "jsonl", "csv", "noteevents"]}),
    (_STRING, "text_column", "text", "CSV column or JSON key of the text.", {}),
    (_STRING, "id_column", "note_id", "CSV column or JSON key of the identifier.", {}),
)  # fmt: skip


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags."""
    for define, name, default, text, others in _FLAGS:
        define(
            name=name,
            default=default,
            help=" ".join(text.split()),
            flag_values=flag_values,
            **others,
        )


def load(values: flags.FlagValues):
    """The model that the flags name, or the default one."""
    from clinicalbert_tf.inference.loading import ModelSource, default_checkpoint, load_model

    checkpoint = values.checkpoint
    if checkpoint is None:
        checkpoint = default_checkpoint()
        print(f"No --checkpoint: using {checkpoint}.", file=sys.stderr)
    names = ("model", "bert_config_file", "vocab_file", "do_lower_case")
    source = ModelSource(checkpoint, **{name: getattr(values, name) for name in names})
    return load_model(source, require_masked_lm=True)


def print_words(texts: list[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Prints the words for each [MASK] of each text."""
    bert = load(values)
    from clinicalbert_tf.inference.masked_words import MaskFiller

    filler = MaskFiller(bert)
    for number, text in enumerate(texts, start=1):
        masks = filler.fill(text, values.top_k)
        for place, candidates in enumerate(masks, start=1):
            of_text = f"text {number}, " if len(texts) > 1 else ""
            print(f"{of_text}[MASK] {place} of {len(masks)}")
            for candidate in candidates:
                print(f"  {candidate.probability:.4f}  {candidate.token}")


def write_perplexities(values: flags.FlagValues = flags.FLAGS) -> None:
    """Writes a line for each note and one for all, streaming."""
    from clinicalbert_tf.texts.rows import RowSource, read_first, read_rows
    from tfrecords_builder.notes.reading import read_notes

    source = RowSource(values.perplexity, values.input_format, values.text_column, values.id_column)
    rows = read_first(read_rows(source, read_notes))
    if values.output_file:
        from tfrecords_builder.files import check_folder_of

        check_folder_of(values.output_file, "output_file")
    bert = load(values)
    from tqdm import tqdm

    from clinicalbert_tf.inference.perplexity import PerplexityScorer, Score

    scorer = PerplexityScorer(bert, _perplexity_settings(values, bert.config))
    overall = Score("overall", 0, 0, 0.0)
    with (
        _output(values.output_file) as file,
        tqdm(unit="token", unit_scale=True, disable=None) as progress,
    ):
        file.write("note_id\ttokens\tscored_tokens\tlog_likelihood\tpseudo_perplexity\n")
        for score in scorer.score(rows, progress.update):
            overall += score
            file.write(_line(score))
        if not overall.scored_tokens:
            raise ValueError(
                f"Expected a wordpiece to score in {values.perplexity}, received none. Check "
                "--perplexity and --input_format."
            )
        file.write(_line(overall))
    if values.output_file:
        print(
            f"{values.output_file}: pseudo-perplexity {overall.pseudo_perplexity:.4f} over "
            f"{overall.scored_tokens} of {overall.tokens} wordpieces."
        )


def _perplexity_settings(values: flags.FlagValues, config):
    from clinicalbert_tf.inference.perplexity import PerplexitySettings

    length = values.max_seq_length or min(128, config.max_position_embeddings)
    return PerplexitySettings(
        max_seq_length=length,
        stride=max(1, (length - 2) // 2),
        batch_tokens=values.batch_size * length,
        sample_tokens=values.sample_tokens,
        seed=values.random_seed,
    )


def _line(score) -> str:
    # An id with a tab would move the columns.
    note_id = " ".join(score.note_id.split())
    return (
        f"{note_id}\t{score.tokens}\t{score.scored_tokens}\t{score.log_likelihood:.6f}\t"
        f"{score.pseudo_perplexity:.6f}\n"
    )


@contextlib.contextmanager
def _output(path: str | None) -> Iterator[TextIO]:
    if not path:
        yield sys.stdout
        return
    import io

    from tfrecords_builder.files import open_private

    with open_private(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
        yield text
        text.detach()


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    texts = argv[1:]
    if bool(texts) == bool(flags.FLAGS.perplexity):
        sys.exit(
            'Expected either a text with [MASK], as in fill_mask "She was [MASK] home.", or '
            f"--perplexity=FILE; received {'both' if texts else 'neither'}. See --help."
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        write_perplexities() if flags.FLAGS.perplexity else print_words(texts)
    except (ValueError, OSError) as error:
        sys.exit(f"fill_mask: {error}")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
