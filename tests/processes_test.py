"""Processes forked from one that has imported TensorFlow are like those that subprocess starts."""

import os
import signal
import subprocess
import sys

import pytest

from tests import processes

SAYS = (
    "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['SAID'], sys.stdin.read());"
    "print('wrong', file=sys.stderr); sys.exit(3)"
)


@pytest.mark.parametrize("kind", ["-c", "file"])
def test_a_program_has_its_arguments_streams_folder_and_environment(tmp_path, kind):
    program = SAYS
    if kind == "file":
        (tmp_path / "program.py").write_text(SAYS)
        program = tmp_path / "program.py"
    words = [program, "a", 1] if kind == "file" else ["-c", program, "a", 1]
    done = processes.run(words, cwd=tmp_path, env={"SAID": "x"}, input="given")
    assert done.stdout == f"['a', '1'] {tmp_path} x given\n"
    assert (done.stderr, done.returncode) == ("wrong\n", 3)


def test_a_module_is_the_main_one_and_finds_what_pythonpath_names(tmp_path):
    (tmp_path / "said.py").write_text("import sys\nprint(__name__, sys.argv[1:])\n1 / 0\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = processes.run(["-m", "said", "b"], env=environment)
    assert done.stdout == "__main__ ['b']\n" and done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_tensorflow_is_there_and_not_started():
    code = (
        "import sys; assert 'tensorflow' in sys.modules; import tensorflow as tf;"
        "tf.config.set_logical_device_configuration(tf.config.list_physical_devices('CPU')[0],"
        "[tf.config.LogicalDeviceConfiguration()] * 3);"
        "print(len(tf.config.list_logical_devices()), 'clinicalbert_tf' in sys.modules)"
    )
    assert processes.run(["-c", code], check=True).stdout == "3 False\n"


def test_a_running_process_takes_signals_and_ends_by_them():
    code = "import time; print('runs', flush=True); time.sleep(100)"
    process = processes.start(["-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout.readline() == "runs\n" and process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.1)
    process.terminate()
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == process.poll() == -signal.SIGTERM


def test_processes_run_side_by_side():
    code = "import sys; print(sys.stdin.readline())"
    reading, writing = os.pipe()
    with open(reading) as waits, open(writing, "w") as ends:
        first = processes.start(["-c", code], stdin=waits, stdout=subprocess.PIPE)
        assert processes.run(["-c", "print(1)"]).stdout == "1\n"
        assert first.poll() is None
        ends.write("now\n")
        ends.flush()
        assert first.communicate(timeout=60)[0] == "now\n\n"


def test_what_fails_has_the_same_message_as_in_subprocess():
    words = ["-m", "no_such_module"]
    ours = processes.run(words)
    theirs = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert ours.returncode == theirs.returncode == 1
    assert "No module named no_such_module" in ours.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
