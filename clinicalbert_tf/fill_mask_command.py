"""The steps behind `python -m clinicalbert_tf.fill_mask`: flags to library calls."""

import sys

from absl import flags

from clinicalbert_tf.flags import define_flags, define_table, values_of
from clinicalbert_tf.inference.loading import ModelSource, default_checkpoint, load_model
from clinicalbert_tf.texts.rows import RowSource, read_first, read_rows

# --help of the command lists the flags that are defined here for it.
flags.disclaim_key_flags()
_STRING, _INTEGER = flags.DEFINE_string, flags.DEFINE_integer
_EXAMPLE = "The patient was given [MASK] for pain."
# (kind, name, default, help, further arguments)
_FLAGS = (
    (_STRING, "checkpoint", None, """The model: anything that clinicalbert_tf.from_pretrained
        takes; default the newest runs/pretrain-* here."""),
    (_INTEGER, "top_k", 5, "Words printed for each [MASK]."),
    (_STRING, "perplexity", None, """Instead of filling: the pseudo-perplexity of each text of a
        file (lines, .jsonl, .csv, NOTEEVENTS; .gz of each) and of all together, over
        wordpieces."""),
    (_STRING, "output_file", None, """Where the pseudo-perplexities go, tab-separated; default
        stdout."""),
    (_INTEGER, "sample_tokens", 0, """Wordpieces scored per note, drawn at random: an estimate for
        a fraction of the time. 0 scores all; each costs one pass of its window through the
        model.""", {"lower_bound": 0}),
    (_INTEGER, "random_seed", 12345, "Seed of that draw.", {"lower_bound": 0}),
    (_INTEGER, "max_seq_length", None, """Tokens per window of a long note, [CLS] and [SEP]
        included; default 128, or the model's positions if fewer.""", {"lower_bound": 4}),
    (_INTEGER, "batch_size", 32, "Sequences of max_seq_length tokens per batch.",
        {"lower_bound": 1}),
)  # fmt: skip


def define_fill_mask_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags."""
    define_table(_FLAGS, flag_values)
    define_flags(ModelSource, flag_values=flag_values)
    left_out = ("category_column", "patient_column")
    define_flags(RowSource, left_out, flag_values=flag_values)


def print_words(texts: list[str], values: flags.FlagValues) -> None:
    """Prints the words for each [MASK] of each text."""
    bert = _load(values)
    from clinicalbert_tf.inference.masked_words import MaskFiller

    filled = MaskFiller(bert).fill_all(texts, values.top_k)
    for number, masks in enumerate(filled, start=1):
        for place, candidates in enumerate(masks, start=1):
            of_text = f"text {number}, " if len(texts) > 1 else ""
            print(f"{of_text}[MASK] {place} of {len(masks)}")
            for candidate in candidates:
                print(f"  {candidate.probability:.4f}  {candidate.token}")


def show(values: flags.FlagValues) -> str:
    """Fills an example, with a tiny model if there is none here; returns the closing lines."""
    from clinicalbert_tf import embedded_tools

    values.checkpoint = values.checkpoint or embedded_tools.checkpoint_here()
    print(f"No text: filling {_EXAMPLE!r}.")
    print_words([_EXAMPLE], values)
    return 'Next:\n  python -m clinicalbert_tf.fill_mask "TEXT WITH [MASK]" --checkpoint=MODEL'


def score_file(values: flags.FlagValues) -> str | None:
    """Writes the pseudo-perplexities of a file; returns the closing line, None after a table.

    Raises:
        FileNotFoundError, ValueError: a flag, the file or the model is wrong.
    """
    from tfrecords_builder.files import check_folder_of
    from tfrecords_builder.notes.reading import read_notes

    source = RowSource(values.perplexity, **values_of(RowSource, values))
    rows = read_first(read_rows(source, read_notes))
    if values.output_file:
        check_folder_of(values.output_file, "output_file")
    bert = _load(values)
    from clinicalbert_tf.inference.perplexity_table import settings_for, write_perplexities

    drawn = values.sample_tokens, values.random_seed
    settings = settings_for(bert.config, values.max_seq_length, values.batch_size, *drawn)
    overall = write_perplexities(rows, source.path, bert, settings, values.output_file)
    if not values.output_file:
        return None
    return (
        f"{values.output_file}: pseudo-perplexity {overall.pseudo_perplexity:.4f} over "
        f"{overall.scored_tokens} of {overall.tokens} wordpieces."
    )


def _load(values: flags.FlagValues):
    """The model that the flags name, or the default one."""
    checkpoint = values.checkpoint
    if checkpoint is None:
        checkpoint = default_checkpoint()
        print(f"No --checkpoint: using {checkpoint}.", file=sys.stderr)
    source = ModelSource(checkpoint, **values_of(ModelSource, values))
    return load_model(source, require_masked_lm=True)
