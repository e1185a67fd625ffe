r"""Starts local workers of a distributed run, to try one on one machine.

    python -m clinicalbert_tf.launch --workers 2 -- python -m clinicalbert_tf.pretrain \
        --strategy multi_worker --input_file records --output_dir runs/notes

What follows `--` is run once per worker, with TF_CONFIG set. Without it, the embedded default of
clinicalbert_tf.pretrain is trained. Across machines, let SLURM or Kubernetes start the workers.
"""

import datetime
import sys

from absl import flags

from tfrecords_builder import command_line

FLAGS = flags.FLAGS
flags.DEFINE_integer("workers", 2, "Worker processes on this machine.", lower_bound=1)
flags.DEFINE_float(
    "seconds_to_end",
    40.0,
    "Seconds that the other workers get to end by themselves, and say why, when one has failed.",
    lower_bound=0.0,
)


def main(argv):
    # Late, as in every command: --help should not wait.
    from clinicalbert_tf.training.cluster import local_workers

    command = argv[1:]
    if not command:
        if "--" in sys.argv:
            sys.exit(
                "launch: Expected a command after --, received none. Give one, such as `-- python "
                "-m clinicalbert_tf.pretrain --strategy multi_worker ...`, or drop the -- for the "
                "embedded default."
            )
        command = [sys.executable, "-m", "clinicalbert_tf.pretrain", "--strategy=multi_worker"]
    if command[0].startswith("-"):
        sys.exit(
            f"launch: Expected a command after --, received the flag {command[0]}. Put the command "
            "before its flags: -- python -m clinicalbert_tf.pretrain --strategy multi_worker "
            f"{command[0]}"
        )
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    try:
        status = local_workers.run(command, FLAGS.workers, FLAGS.seconds_to_end, f"launch-{now}")
    except OSError as error:
        sys.exit(f"launch: {error}")
    sys.exit(status)


if __name__ == "__main__":
    command_line.run(main)
