"""One HTML file about a pretraining run: curves, throughput, settings, environment and data.

    python -m clinicalbert_tf.report OUTPUT_DIR

Works for runs that are finished, running or killed, and needs no network. Without an argument it
takes the newest run under runs/.
"""

import glob
import os
import sys

from absl import app, flags

from tfrecords_builder import command_line

FLAGS = flags.FLAGS
_RUNS = "runs"


def newest_run(folder: str) -> str:
    """The newest run's folder in a folder of runs.

    Raises:
        FileNotFoundError: there is none.
    """
    records = glob.glob(os.path.join(glob.escape(folder), "*", "run.json"))
    if not records:
        raise FileNotFoundError(
            f"Expected a run's folder, received none, and there is none under {folder}/ either. "
            "Name the --output_dir of a run: python -m clinicalbert_tf.report OUTPUT_DIR"
        )
    return os.path.dirname(max(records, key=os.path.getmtime))


def main(argv: list[str]) -> None:
    """Runs the command."""
    if len(argv) > 2:
        raise app.UsageError(f"Expected at most one OUTPUT_DIR, received {argv[1:]}.")
    from clinicalbert_tf.report import page

    try:
        folder = argv[1] if len(argv) == 2 else newest_run(_RUNS)
        path = page.write_report(folder, FLAGS.output_file)
    except (OSError, ValueError) as error:
        sys.exit(f"report: {error}")
    print(f"Wrote {path}; open it in a browser.")


if __name__ == "__main__":
    flags.DEFINE_string("output_file", None, "Where to write. Default: OUTPUT_DIR/report.html.")
    command_line.run(main)
