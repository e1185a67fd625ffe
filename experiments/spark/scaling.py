"""Two Spark executors against one, and Spark against the local runner, on this machine.

    python experiments/spark/scaling.py
    python experiments/spark/scaling.py --megabytes 40 --rounds 5

Every build makes the same records of the same invented notes, in four files; the records of all
are compared byte for byte. Executors are processes of `local-cluster[N,1,1024]`, with one core
each. The sides take turns. "steps" leaves out the start and the end of Spark, which take the same
time for a small build and for a large one. Needs the extra `spark` and Java.
"""

import filecmp
import os
import pathlib
import statistics
import sys
import tempfile
import time

import pyspark
from absl import app, flags

from tfrecords_builder import spark, synthetic
from tfrecords_builder.building import pipeline
from tfrecords_builder.building.cluster import spark_steps
from tfrecords_builder.building.settings import BuilderSettings

FLAGS = flags.FLAGS
FILES = 4
# Invented notes per megabyte of CSV.
NOTES_PER_MEGABYTE = 560


def define_flags() -> None:
    flags.DEFINE_float("megabytes", 20, "Invented notes, MB of CSV.", lower_bound=0.1)
    flags.DEFINE_integer("rounds", 3, "Rounds to take the median of.", lower_bound=1)
    flags.DEFINE_string("vocab_file", "tests/golden/vocab/cased.txt", "The vocabulary.")


def home_for_logs(folder: pathlib.Path) -> str:
    """A SPARK_HOME of links, so that the executors' logs stay in `folder`."""
    home = folder / "spark"
    home.mkdir()
    for path in pathlib.Path(pyspark.__file__).parent.iterdir():
        (home / path.name).symlink_to(path)
    return str(home)


def build_local(settings: BuilderSettings) -> tuple[float, float]:
    started = time.perf_counter()
    pipeline.build_records(settings)
    seconds = time.perf_counter() - started
    return seconds, seconds


def build_spark(settings: BuilderSettings, executors: int) -> tuple[float, float]:
    """Seconds of the whole build, and of its steps."""
    steps = []
    run = spark_steps.run

    def timed(*arguments):
        started = time.perf_counter()
        run(*arguments)
        steps.append(time.perf_counter() - started)

    spark_steps.run = timed
    started = time.perf_counter()
    try:
        spark.build_records(
            settings,
            [
                f"spark.master=local-cluster[{executors},1,1024]",
                "spark.ui.enabled=false",
                "spark.ui.showConsoleProgress=false",
            ],
        )
    finally:
        spark_steps.run = run
    return time.perf_counter() - started, steps[0]


SIDES = {
    "local, 1 worker": lambda settings: build_local(settings(num_workers=1)),
    "local, 2 workers": lambda settings: build_local(settings(num_workers=2)),
    "spark, 1 executor": lambda settings: build_spark(settings(), 1),
    "spark, 2 executors": lambda settings: build_spark(settings(), 2),
}


def main(argv: list[str]) -> None:
    del argv
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        os.environ["SPARK_HOME"] = home_for_logs(folder)
        os.environ["PYSPARK_PYTHON"] = sys.executable
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))
        inputs = []
        for number in range(FILES):
            inputs.append(str(folder / f"notes-{number}.csv"))
            count = int(FLAGS.megabytes * NOTES_PER_MEGABYTE / FILES)
            synthetic.write_noteevents(inputs[-1], count, seed=number)
        megabytes = sum(map(os.path.getsize, inputs)) / 1e6
        print(f"{megabytes:.1f} MB in {FILES} files, {os.cpu_count()} cores", flush=True)
        seconds = {side: [] for side in SIDES}
        first = None
        for number in range(FLAGS.rounds):
            for side, build in SIDES.items():
                output = folder / f"{side.replace(', ', '-')} {number}"
                seconds[side].append(
                    build(
                        lambda output=output, **others: BuilderSettings(
                            output_dir=str(output),
                            input=tuple(inputs),
                            vocab_file=FLAGS.vocab_file,
                            **others,
                        )
                    )
                )
                first = first or output
                names = os.listdir(first)
                same, *_ = filecmp.cmpfiles(first, output, names, shallow=False)
                if sorted(same) != sorted(names):
                    sys.exit(f"{side}: expected equal records, received others.")
        medians = {}
        for side, rounds in seconds.items():
            medians[side] = [statistics.median(column) for column in zip(*rounds, strict=True)]
            shown = " ".join(f"{total:.1f}/{steps:.1f}" for total, steps in rounds)
            print(f"{side:20} {medians[side][0]:7.1f} s, steps {medians[side][1]:7.1f} s   {shown}")
        one, two = (medians[f"spark, {count}"][1] for count in ("1 executor", "2 executors"))
        print(f"2 executors are {one / two:.2f} times as fast as 1 (steps)")
        local = medians["local, 2 workers"][1]
        print(f"2 executors take {two / local:.2f} times as long as 2 local workers (steps)")


if __name__ == "__main__":
    define_flags()
    app.run(main)
