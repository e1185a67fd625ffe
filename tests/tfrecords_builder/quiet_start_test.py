"""No chatter before our own lines, and nothing else held back."""

import os
import pty
import subprocess
import sys

import pytest

# What TensorFlow 2.21 writes on a machine without a GPU, and a line that it does not.
CHATTER = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    "I0000 00:00:1795822412.045072   13521 port.cc:153] oneDNN custom operations are on.\n"
    "E0000 00:00:1795822414.226950   13521 cuda_platform.cc:52] failed call to cuInit: INTERNAL\n"
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow\n"
)
CODE = (
    "import os, sys\n"
    "from tfrecords_builder.quiet_start import without_chatter\n"
    "with without_chatter():\n"
    "    os.write(2, {text!r}.encode())\n"
    "    {then}\n"
    "print('after', file=sys.stderr)\n"
)


def stderr_of(code, **options):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)
    return done.stderr


def test_only_unknown_lines_are_passed_on():
    said = stderr_of(CODE.format(text=CHATTER + "E0000 something.cc:1] no memory\n", then="pass"))
    assert said == "E0000 something.cc:1] no memory\nafter\n"


def test_nothing_is_lost_when_the_block_fails():
    said = stderr_of(CODE.format(text="bad\n", then="raise SystemExit('stop')"))
    assert said == "bad\nstop\n"


@pytest.mark.large
def test_starting_tensorflow_says_nothing_on_a_machine_without_a_gpu():
    code = (
        "from tfrecords_builder.quiet_start import start_tensorflow as s; s(); import tensorflow\n"
        # Not imported before somebody needs them, and importable then.
        "import sys; assert not {'sklearn', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "import scipy, sklearn.metrics, matplotlib.pyplot, pandas"
    )
    said = stderr_of(code, env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"})
    assert said == ""


def test_lines_at_a_terminal_have_no_prefix():
    code = (
        "from absl import flags, logging\nflags.FLAGS(['command'])\nlogging.use_absl_handler()\n"
        "from tfrecords_builder.quiet_start import plain_lines_at_a_terminal\n"
        "plain_lines_at_a_terminal()\nlogging.set_verbosity('info')\n"
        "logging.info('step %d', 1)\nlogging.warning('slow')\n"
    )
    parent, child = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=child, check=True)
    os.close(child)
    assert os.read(parent, 1000).decode().splitlines() == ["step 1", "Warning: slow"]
    os.close(parent)
    assert stderr_of(code)[0] == "I"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
