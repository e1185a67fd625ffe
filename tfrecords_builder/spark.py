"""The whole stage on Apache Spark: a cluster's, or the one that PySpark brings along.

    python -m tfrecords_builder --runner=spark \\
        --spark_options="spark.master=spark://HOST:7077 spark.executor.memory=4g" ...

The records equal those of the local runner for the same settings and seed. Inputs and output are
in folders that every worker has mounted at the same place, or paths that Beam knows
(`remote_files.SCHEMES`, extra `beam`). The package must be installed on the workers, and what
Spark shuffles there is note text until it is encoded: it is encrypted on the workers' disks unless
spark.io.encryption.enabled=false is given.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from absl import logging

from tfrecords_builder import schema
from tfrecords_builder.building.cluster import build, spark_steps
from tfrecords_builder.building.settings import BuilderSettings

try:
    import pyspark
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
except ImportError as error:
    if error.name is None or error.name.split(".")[0] not in ("pyspark", "py4j"):
        raise
    raise ImportError(
        "Expected PySpark for --runner=spark, received none. Install the extra: "
        "pip install 'clinicalbert_tf[spark]', or use --runner=local.",
        name="pyspark",
    ) from None

_OLDEST_JAVA = 17
# The last line of a Python traceback inside a Java one.
_PYTHON_ERROR = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?([A-Za-z_]\w*(?:Error|Exception)): (.+)$", re.M)


def build_records(settings: BuilderSettings, spark_options: Sequence[str] = ()) -> schema.Manifest:
    """Builds a folder of records with Spark; see `pipeline.build_records`.

    Spark repeats the tasks of an executor that is lost. A build that was killed as a whole starts
    from scratch when its command is given again.

    Args:
        settings: what to build from what; `num_workers` counts only if no master is named.
        spark_options: Spark's properties, each "name=value". spark-submit's own count as well.
            Without a `spark.master` Spark runs in `num_workers` threads of this machine.

    Returns:
        The manifest, also written to the folder, last of all.

    Raises:
        FileExistsError: the folder holds records already.
        FileNotFoundError: an input does not exist.
        OSError: something cannot be read or written.
        ValueError: an input, an option, the vocabulary or the casing is not as expected.
        RuntimeError: Spark cannot start, a task failed, or another build runs in the folder.
    """
    given = dict(map(_parsed, spark_options))

    def run_steps(settings, tokenizer, plan, scratch):
        with _context(settings, given, scratch) as context, _plain_errors():
            spark_steps.run(context, settings, tokenizer, plan)

    return build.build_records(settings, run_steps)


def _parsed(option: str) -> tuple[str, str]:
    name, given, value = option.partition("=")
    if not given or not name.startswith("spark."):
        # The value is not shown: it may be a password.
        raise ValueError(
            f"Expected --spark_options as spark.NAME=VALUE, with spaces between, received {name!r}"
            f"{'' if given else ' without a value'}. Correct the flag."
        )
    return name, value


@contextlib.contextmanager
def _context(
    settings: BuilderSettings, given: dict[str, str], scratch: str | None
) -> Iterator[Any]:
    """Starts Spark, or takes this process's running one, which is then left running.

    Raises:
        RuntimeError: it cannot be started.
    """
    running = pyspark.SparkContext._active_spark_context
    if running is not None:
        yield running
        return
    configuration = spark_configuration(settings, given, scratch)
    logging.info("Running on Spark with %s.", _described(configuration, given))
    try:
        context = pyspark.SparkContext(conf=configuration)
    except (PySparkException, Py4JError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise RuntimeError(
            f"Expected to start Spark, received {reason} Java {_OLDEST_JAVA} or later must be "
            "installed (Debian: default-jre-headless) and the master must be reachable."
        ) from None
    try:
        yield context
    finally:
        context.stop()


def spark_configuration(
    settings: BuilderSettings, given: dict[str, str], scratch: str | None
) -> pyspark.SparkConf:
    """What is given, what spark-submit says, and defaults for the rest."""
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if submitted:
        # spark-submit's properties are known only inside its Java process.
        pyspark.SparkContext._ensure_initialized()
    # Otherwise a Java process that is there already holds the properties of an earlier build.
    configuration = pyspark.SparkConf(loadDefaults=submitted)
    for name, value in given.items():
        configuration.set(name, value)
    configuration.setIfMissing("spark.app.name", "tfrecords_builder")
    configuration.setIfMissing("spark.master", f"local[{settings.workers}]")
    configuration.setIfMissing("spark.io.encryption.enabled", "true")
    master = configuration.get("spark.master")
    if master.startswith("local"):
        # The same interpreter, and a folder that is removed with an unfinished build.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        # The property is a list of folders, with commas between.
        if scratch and "," not in os.path.abspath(scratch) and "SPARK_LOCAL_DIRS" not in os.environ:
            configuration.setIfMissing("spark.local.dir", os.path.abspath(scratch))
    if master.startswith("local-cluster"):
        # Executors are started from there.
        os.environ.setdefault("SPARK_HOME", os.path.dirname(pyspark.__file__))
    return configuration


def _described(configuration: pyspark.SparkConf, given: dict[str, str]) -> str:
    """The master, and the names of what is given: values may be passwords."""
    names = sorted(name for name in given if name != "spark.master")
    return ", ".join([f"master {configuration.get('spark.master')}", *names])


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turns the trace of a failed task into its last line.

    Raises:
        RuntimeError: a task failed as often as Spark repeats it.
    """
    try:
        yield
    except Py4JError as error:
        found = _PYTHON_ERROR.findall(str(error))
        reason = found[-1][1] if found else str(error).strip().splitlines()[0]
        raise RuntimeError(f"The Spark job failed: {reason}") from error
