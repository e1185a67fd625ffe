"""Removes private data from notes: rows in, rows out, everything else of a row kept.

    python -m clinicalbert_tf.deidentify --input notes.jsonl --output clean.jsonl
    python -m clinicalbert_tf.deidentify --input notes.jsonl --output clean.jsonl --model runs/deid
    python -m clinicalbert_tf.deidentify --input notes.csv --output clean.csv --style surrogate \\
        --secret_file secret.key --key_file removed.jsonl
    python -m clinicalbert_tf.deidentify --input clean.csv --output notes_again.csv \\
        --reidentify removed.jsonl

Without --model the rules alone are used: they find numbers, dates, contacts, addresses and ages,
but names only behind a title or in a field. Only the text is cleaned: other keys and columns stay
as they are. Without any flag, invented letters are cleaned.
"""

from absl import flags

from clinicalbert_tf.deidentify_command import clean, define_flags, put_back, show, thresholds_of
from clinicalbert_tf.tool_command import one_core_per_batch, refuse_arguments, run_tool
from tfrecords_builder import command_line


def work() -> str | None:
    """Does what the flags ask for; returns the closing line.

    Raises:
        FileExistsError, FileNotFoundError, ValueError: a file or flag is wrong.
    """
    values = flags.FLAGS
    choosing = values.recall is not None and not values.reidentify
    if values.input is None and not choosing:
        if values.output or values.reidentify or values.model:
            raise ValueError("Expected --input, received none.")
        return show(values)
    if values.output is None:
        if not choosing:
            raise ValueError("Expected --output, received none.")
        # The thresholds are chosen and kept with the model; no notes are cleaned.
        thresholds_of(values)
        return None
    return put_back(values) if values.reidentify else clean(values)


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    refuse_arguments("deidentify", argv)
    one_core_per_batch()
    run_tool("deidentify", work)


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
