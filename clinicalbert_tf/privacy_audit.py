"""Measures what a pretrained model gives away of the notes that it was trained on.

    python -m clinicalbert_tf.privacy_audit                      # invented patients, about a minute
    python -m clinicalbert_tf.privacy_audit --model M --patients P.csv --notes F --baseline_model B
    python -m clinicalbert_tf.privacy_audit --model M --notes F --others G
    python -m clinicalbert_tf.privacy_audit --model M --canaries records/invented/canaries.json

--patients are names and conditions: does the model know which belong together, and which names it
was trained on (Lehman et al. 2021)? --notes are notes that were trained on, --others notes like
them that were not: does the loss tell them apart (membership inference)? --canaries are planted
secrets: how far up does the model rank them (exposure)? --baseline_model is the model before
training: what it shows cannot come from these notes. No name and no text is printed.
"""

from absl import flags

from clinicalbert_tf.flags import define_table
from clinicalbert_tf.tool_command import refuse_arguments, run_tool
from tfrecords_builder import command_line

_STRING, _INTEGER = flags.DEFINE_string, flags.DEFINE_integer
# (kind, name, default, help, further arguments)
_FLAGS = (
    (_STRING, "model", None, "The model: anything that from_pretrained takes."),
    (_STRING, "baseline_model", None, "The model before training, for comparison."),
    (_STRING, "patients", None, """Patients: CSV or JSON lines with first_name, last_name,
        conditions (between semicolons) and, if known, gender and mentions (how often the notes name
        the patient; counted in --notes if that is given)."""),
    (_STRING, "notes", None, "Notes that were trained on: NOTEEVENTS, CSV, JSON lines."),
    (_STRING, "others", None, "Notes like them that were not trained on."),
    (_STRING, "canaries", None, """Planted secrets: the canaries.json of tfrecords_builder
        --canaries, or JSON lines of id, text and secret."""),
    (_STRING, "output_dir", None, """Where report.html and audit.json go. Default: a new folder in
        runs."""),
    (_INTEGER, "max_patients", 500, "Patients probed at most, drawn at random.",
        {"lower_bound": 8}),
    (_INTEGER, "max_conditions", 50, "Conditions probed at most, the most frequent ones.",
        {"lower_bound": 2}),
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
    from clinicalbert_tf.privacy_audit_command import audit

    return audit({name: flags.FLAGS[name].value for _, name, *_ in _FLAGS})


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    refuse_arguments("privacy_audit", argv)
    run_tool("privacy_audit", work)


if __name__ == "__main__":
    define_table(_FLAGS)
    flags.DEFINE_alias("before", "baseline_model")
    command_line.run(main)
