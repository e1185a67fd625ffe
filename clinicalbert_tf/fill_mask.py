"""What a BERT checkpoint expects at a place in a text, and how well it expects a file of notes.

    python -m clinicalbert_tf.fill_mask "The patient was given [MASK] for pain."
    python -m clinicalbert_tf.fill_mask "BP [MASK] and [MASK] stable." --checkpoint=CHECKPOINT
    python -m clinicalbert_tf.fill_mask --perplexity=notes.jsonl --checkpoint=CHECKPOINT

Without --checkpoint the newest folder runs/pretrain-* below the current one is used, which
`python -m clinicalbert_tf.pretrain --strategy mirrored` makes. Without a text an
example is filled.
"""

from absl import flags

from clinicalbert_tf.fill_mask_command import define_fill_mask_flags, print_words, score_file, show
from clinicalbert_tf.tool_command import run_tool
from tfrecords_builder import command_line


def work(texts: list[str], values: flags.FlagValues) -> str | None:
    """Fills the texts or scores a file; returns the closing lines, if there are any.

    Raises:
        FileNotFoundError, ValueError: a flag, the file or the model is wrong.
    """
    if texts and values.perplexity:
        raise ValueError(
            'Expected either a text with [MASK], as in fill_mask "She was [MASK] home.", or '
            "--perplexity=FILE; received both. See --help."
        )
    if values.perplexity:
        return score_file(values)
    return print_words(texts, values) if texts else show(values)


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    run_tool("fill_mask", lambda: work(argv[1:], flags.FLAGS))


if __name__ == "__main__":
    define_fill_mask_flags()
    command_line.run(main)
