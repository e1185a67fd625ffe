"""i2b2 releases -> files of "token label" lines.

    python -m clinicalbert_tf.datasets.i2b2 --task_name=i2b2_2010 --data_dir=RAW --output_dir=DIR

RAW holds the archives as downloaded, or the folders that they unpack to.
"""

import sys

from absl import flags

from clinicalbert_tf.datasets.i2b2.releases import RULES, SPLITS, TASKS, Conversion, convert
from tfrecords_builder import command_line


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_enum("task_name", None, TASKS, "The release.", required=True)
    flags.DEFINE_string("data_dir", None, "The release: a folder, or an archive.", required=True)
    flags.DEFINE_string("output_dir", None, "Where the files go.", required=True)
    flags.DEFINE_enum(
        "rules",
        "corrected",
        RULES,
        "corrected: without the reference's faults; reference: exactly its own files.",
    )
    flags.DEFINE_enum(
        "split",
        "patient",
        SPLITS,
        "How dev is chosen: by patient (or document if patients are unknown), or as the reference.",
    )
    flags.DEFINE_integer("seed", 1, "Decides which documents are dev.")
    flags.DEFINE_boolean("partners_only", False, "2010: without the notes of Beth Israel.")


def main(argv: list[str]) -> None:
    """Converts, and says what was written and what was dropped."""
    values = flags.FLAGS
    names = ("task_name", "data_dir", "rules", "seed", "partners_only", "split")
    try:
        if argv[1:]:
            raise ValueError(f"Expected flags only, received {len(argv) - 1} other arguments.")
        account, counts = convert(
            Conversion(**{name: getattr(values, name) for name in names}), values.output_dir
        )
    except (ValueError, OSError) as error:
        sys.exit(f"datasets.i2b2: {error}")
    print(f"{values.output_dir}: " + ", ".join(f"{n} {part}" for part, n in counts.items()))
    for line in account.lines():
        print(line)


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
