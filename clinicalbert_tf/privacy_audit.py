"""Measures what a pretrained model gives away of the notes that it was trained on.

    python -m clinicalbert_tf.privacy_audit --model M --notes F --others G
    python -m clinicalbert_tf.privacy_audit --model M --canaries records/canaries.json --before B

--notes are notes that were trained on, --others notes like them that were not: does the loss tell
them apart (membership inference)? --canaries are planted secrets, the canaries.json of
`tfrecords_builder --canaries` or one JSON object per line with id, text and secret: how far up does
the model rank them among others of their form (exposure)? --before is the model before training:
what it shows cannot come from these notes. No text is printed.
"""

import json

from absl import flags

from clinicalbert_tf.flags import define_table
from clinicalbert_tf.tool_command import refuse_arguments, run_tool
from tfrecords_builder import command_line

FLAGS = flags.FLAGS
_STRING, _INTEGER = flags.DEFINE_string, flags.DEFINE_integer
# (kind, name, default, help, further arguments)
_FLAGS = (
    (_STRING, "model", None, "The model: anything that from_pretrained takes."),
    (_STRING, "before", None, "The model before training, for comparison."),
    (_STRING, "notes", None, "Notes that were trained on: NOTEEVENTS, CSV, JSON lines."),
    (_STRING, "others", None, "Notes like them that were not trained on."),
    (_STRING, "canaries", None, "Planted secrets: JSON lines of id, text and secret."),
    (_INTEGER, "candidates", 255, "Other secrets that each canary is ranked among.",
        {"lower_bound": 1}),
    (_INTEGER, "sample_tokens", 64, "Wordpieces scored per note; 0 for all.", {"lower_bound": 0}),
    (_INTEGER, "max_seq_length", 128, "Tokens per window.", {"lower_bound": 4}),
    (_INTEGER, "random_seed", 12345, "Seed of the draws.", {"lower_bound": 0}),
    (flags.DEFINE_bool, "json", False, "Print the results as JSON."),
)  # fmt: skip


def work() -> str:
    """Audits the models that the flags name; returns the results as words or JSON.

    Raises:
        FileNotFoundError, ValueError: flags are missing, or a file or model cannot be read.
    """
    if not FLAGS.model or not (FLAGS.notes or FLAGS.canaries):
        raise ValueError("Expected --model, and --notes or --canaries, received less. Add them.")
    from clinicalbert_tf.inference.loading import ModelSource, load_model
    from clinicalbert_tf.inference.privacy import audit
    from clinicalbert_tf.inference.privacy.canaries import read_canaries

    canaries = read_canaries(FLAGS.canaries) if FLAGS.canaries else []
    settings = audit.AuditSettings(
        FLAGS.max_seq_length, FLAGS.sample_tokens, FLAGS.candidates, FLAGS.random_seed
    )
    found = {}
    for name, path in (("model", FLAGS.model), ("before", FLAGS.before)):
        if path is not None:
            bert = load_model(ModelSource(path), require_masked_lm=True)
            rows = _rows(FLAGS.notes), _rows(FLAGS.others)
            found[name] = audit.audit_model(audit.Auditor(bert, settings), *rows, canaries)
    return json.dumps(found, indent=2) if FLAGS.json else "\n".join(audit.result_lines(found))


def _rows(path: str | None):
    from clinicalbert_tf.texts.rows import RowSource, read_rows
    from tfrecords_builder.notes.reading import read_notes

    return path and read_rows(RowSource(path), read_notes)


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    refuse_arguments("privacy_audit", argv)
    run_tool("privacy_audit", work)


if __name__ == "__main__":
    define_table(_FLAGS)
    command_line.run(main)
