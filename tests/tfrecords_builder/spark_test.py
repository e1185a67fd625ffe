import filecmp
import gzip
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.support import CASED, NOTEEVENTS, ROOT, SENTENCE_FILES
from tfrecords_builder import schema
from tfrecords_builder.building import pipeline
from tfrecords_builder.building.settings import BuilderSettings

SENTENCES = SENTENCE_FILES[0]


@pytest.fixture
def spark(monkeypatch):
    pytest.importorskip("pyspark", reason="needs the extra `spark`")
    from tfrecords_builder import spark

    # The settings of a test are not another's.
    for name in ("SPARK_HOME", "PYSPARK_PYTHON"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return spark


@pytest.fixture
def cluster(spark, tmp_path, monkeypatch):
    """Properties of a cluster of two workers, each with an executor in a process of its own."""
    if shutil.which("java") is None:
        pytest.skip("needs Java (Debian: default-jre-headless)")
    import pyspark

    # Executors keep their logs below SPARK_HOME.
    home = tmp_path / "spark"
    home.mkdir()
    for path in pathlib.Path(pyspark.__file__).parent.iterdir():
        (home / path.name).symlink_to(path)
    monkeypatch.setenv("SPARK_HOME", str(home))
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Executors start elsewhere.
    monkeypatch.chdir(ROOT)
    (tmp_path / "events").mkdir()
    return [
        "spark.master=local-cluster[2,1,1024]",
        "spark.ui.enabled=false",
        "spark.ui.showConsoleProgress=false",
        "spark.eventLog.enabled=true",
        "spark.eventLog.compress=false",
        "spark.eventLog.rolling.enabled=false",
        f"spark.eventLog.dir=file://{tmp_path}/events",
    ]


def settings(output_dir, **changes):
    values = {
        "input": (os.path.relpath(NOTEEVENTS, ROOT), os.path.relpath(SENTENCES, ROOT)),
        "vocab_file": CASED,
        "max_seq_length": 64,
        "max_predictions_per_seq": 10,
        "dupe_factor": 2,
        "num_shards": 6,
        "num_workers": 1,
    }
    return BuilderSettings(output_dir=str(output_dir), **values | changes)


def executors(spark_process):
    """The process ids of the executors that a Spark of this machine started."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (folder / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if parent == spark_process and b"CoarseGrainedExecutorBackend" in command:
            found.append(int(folder.name))
    return found


def kill_an_executor(output_dir, killed):
    """Waits for the first shard, then kills one executor, with what it has shuffled."""
    import pyspark

    end = time.monotonic() + 300
    while time.monotonic() < end:
        if any(name.startswith("part-") for name in os.listdir(output_dir)):
            alive = executors(pyspark.SparkContext._gateway.proc.pid)
            os.kill(alive[0], signal.SIGKILL)
            killed += alive
            return
        time.sleep(0.01)


@pytest.mark.large
def test_a_lost_executors_tasks_are_repeated_and_the_records_are_the_local_runners(
    spark, cluster, tmp_path
):
    local = pipeline.build_records(settings(tmp_path / "local"))
    killed = []
    (tmp_path / "spark_records").mkdir()
    killer = threading.Thread(
        target=kill_an_executor, args=(tmp_path / "spark_records", killed), daemon=True
    )
    killer.start()
    built = spark.build_records(settings(tmp_path / "spark_records"), cluster)
    killer.join()
    assert len(killed) == 2
    (log,) = (tmp_path / "events").iterdir()
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    kinds = [event["Event"] for event in events]
    assert kinds.count("SparkListenerExecutorAdded") >= 2
    assert "SparkListenerExecutorRemoved" in kinds
    # Every note is counted once, whatever was repeated.
    assert built == local
    assert local.counts["notes"]["written"] == 120
    names = sorted(os.listdir(tmp_path / "local"))
    assert sorted(os.listdir(tmp_path / "spark_records")) == names
    same, different, errors = filecmp.cmpfiles(
        tmp_path / "local", tmp_path / "spark_records", names, shallow=False
    )
    assert (same, different, errors) == (names, [], [])
    modes = {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "spark_records").iterdir()}
    assert modes == {"0o600"}


@pytest.mark.large
def test_a_failed_task_is_one_line_and_leaves_no_manifest(spark, cluster, tmp_path):
    notes = tmp_path / "notes.csv.gz"
    notes.write_bytes(gzip.compress(pathlib.Path(NOTEEVENTS).read_bytes())[:20_000])
    options = ["spark.master=local[1]", *cluster[1:3]]
    with pytest.raises(RuntimeError, match=rf"^The Spark job failed: {notes}, row \d+") as error:
        spark.build_records(settings(tmp_path / "records", input=(str(notes),)), options)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "records" / schema.MANIFEST_NAME).exists()


@pytest.mark.parametrize("option", ["spark.master", "master=local", "spark.password"])
def test_an_option_that_is_no_property_is_refused(spark, tmp_path, option):
    with pytest.raises(ValueError, match=r"Expected --spark_options as spark\.NAME=VALUE"):
        spark.build_records(settings(tmp_path), [option])


def test_a_value_without_a_name_is_not_shown(spark, tmp_path):
    with pytest.raises(ValueError) as error:
        spark.build_records(settings(tmp_path), ["password=hidden"])
    assert "hidden" not in str(error.value)


def test_without_pyspark_the_extra_is_named():
    program = (
        "import sys\n"
        "sys.modules['pyspark'] = None\n"
        "try:\n"
        "    import tfrecords_builder.spark\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert "clinicalbert_tf[spark]" in done.stdout and "--runner=local" in done.stdout


def test_sparks_options_without_spark_are_refused(tmp_path):
    command = [sys.executable, "-m", "tfrecords_builder", f"--output_dir={tmp_path}"]
    done = subprocess.run(
        [*command, "--spark_options=spark.master=local"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 1
    assert "Expected --runner=spark with --spark_options" in done.stderr


def test_a_folder_with_a_comma_is_no_list_of_folders_for_spark(spark, tmp_path, monkeypatch):
    monkeypatch.delenv("SPARK_LOCAL_DIRS", raising=False)
    for name, given in (("a", str(tmp_path / "a")), ("a, b", None)):
        found = spark.spark_configuration(settings(tmp_path), {}, str(tmp_path / name))
        assert found.get("spark.local.dir") == given
        assert found.get("spark.io.encryption.enabled") == "true"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
