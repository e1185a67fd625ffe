r"""Makes diagnosis data from MIMIC's tables: discharge summaries and the codes of their admission.

    python -m clinicalbert_tf.datasets.diagnosis --admissions ADMISSIONS.csv.gz \
        --notes NOTEEVENTS.csv.gz --diagnoses DIAGNOSES_ICD.csv.gz --output_dir data

It writes data/diagnosis/{train,dev,test}.jsonl, codes.txt, excluded_subjects.txt and
accounting.json. Tables, text, chunks and split are made as for readmission.
"""

import os

from absl import flags

from clinicalbert_tf.datasets.readmission import __main__ as readmission
from clinicalbert_tf.tool_command import refuse_arguments, run_tool
from tfrecords_builder import command_line

# Flags of the readmission data set that say something here too.
_SHARED = frozenset(
    ("admissions", "notes", "output_dir", "cleaning", "chunks", "vocab_file", "do_lower_case",
     "max_seq_length", "stride", "summary_days", "dev_fraction", "test_fraction", "seed")
)  # fmt: skip
NAMES = ("diagnoses", "num_codes", "code_list")


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags."""
    readmission.define_flags(flag_values, only=_SHARED)
    for define, name, default, text in (
        (flags.DEFINE_string, "diagnoses", None, "DIAGNOSES_ICD.csv; .gz."),
        (flags.DEFINE_integer, "num_codes", 50, "The most frequent codes are predicted."),
        (flags.DEFINE_string, "code_list", None,
            "Or the codes of a file, one per line: ICD9:4019 or ICD10:I10."),
    ):  # fmt: skip
        define(name=name, default=default, help=text, flag_values=flag_values)


def summarize(accounting: dict, output_dir: str) -> str:
    """What a user should see at the end."""
    admissions, codes = accounting["admissions"], accounting["codes"]
    sides = accounting["sets"]["diagnosis"]
    return "\n".join(
        [
            f"admissions: {admissions['read']:,} read, {admissions['kept']:,} kept",
            *(f"  left out {n:,}: {reason}" for reason, n in admissions["left_out"].items()),
            f"codes: {codes['read']:,} rows, {codes['used']:,} used, "
            f"{codes['predicted']} codes predicted",
            *(f"{side}: {sides[side]['admissions']:,} admissions, {sides[side]['chunks']:,} chunks"
                for side in ("train", "dev", "test")),
            f"Wrote {os.path.join(output_dir, 'diagnosis')}.",
            "Next: python -m clinicalbert_tf.run_readmission --task_name diagnosis --data_dir "
            f"{output_dir} --init_checkpoint CHECKPOINT --output_dir runs/diagnosis",
        ]
    )  # fmt: skip


def work(values: flags.FlagValues) -> str:
    """Makes the data; returns the closing lines.

    Raises:
        FileNotFoundError, ValueError: a flag or a table is wrong.
    """
    if not values.diagnoses:
        raise ValueError("Expected --diagnoses DIAGNOSES_ICD.csv, received none.")
    from clinicalbert_tf.datasets.diagnosis.building import CodeSettings, build

    codes = CodeSettings(**{name: values[name].value for name in NAMES})
    settings = readmission.settings_from_flags(values, only=_SHARED)
    accounting = readmission.build_with(settings, lambda *steps: build(settings, codes, *steps))
    return summarize(accounting, settings.output_dir)


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    refuse_arguments("datasets.diagnosis", argv)
    os.umask(0o077)
    run_tool("datasets.diagnosis", lambda: work(flags.FLAGS))


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
