"""What commands say on a machine without a GPU: their own lines, at a terminal and in a log."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.support import ROOT

CHECKPOINT = ROOT / "tests" / "golden" / "tf1_checkpoint"
# What TensorFlow, absl and CUDA put before their lines.
CHATTER = re.compile(
    r"InitializeLog|cuda|oneDNN|cpu_feature_guard|AVX|^[IWEF]\d{4} |\.(py|cc):\d+\]", re.I | re.M
)
COMMANDS = {
    "restore": ["clinicalbert_tf.restore", str(CHECKPOINT)],
    "fill_mask": [
        "clinicalbert_tf.fill_mask", f"--checkpoint={CHECKPOINT}", "--perplexity=notes.txt",
        "--output_file=scores.tsv",
    ],
    "deidentify": ["clinicalbert_tf.deidentify", "--input=notes.jsonl", "--output=clean.jsonl"],
    "tfrecords_builder": [
        "tfrecords_builder", "--output_dir=records", "--num_workers=2", "--num_shards=2",
        "--max_seq_length=128",
    ],
}  # fmt: skip


def environment():
    left_out = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}


def at_a_terminal(arguments, folder):
    """(exit status, what a terminal of 100 columns received)."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment(), stdout=child,
        stderr=child, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(child)
    received = b""
    try:
        while block := os.read(parent, 1 << 16):
            received += block
    except OSError:
        # Linux reports the end of a terminal's other side so.
        pass
    os.close(parent)
    return process.wait(), received.decode().replace("\r\n", "\n")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notes.txt").write_text("Denies chest pain.\n", encoding="utf-8")
    (tmp_path / "notes.jsonl").write_text('{"note_id": "1", "text": "No fever."}\n')
    return tmp_path


@pytest.mark.parametrize(
    "name", [pytest.param("restore", marks=pytest.mark.large), "fill_mask", "deidentify"]
)
def test_at_a_terminal_only_our_own_lines_and_one_bar(name, folder):
    status, said = at_a_terminal(COMMANDS[name], folder)
    assert status == 0, said
    assert not CHATTER.search(said), said
    # A bar is redrawn in its line: one line of the screen holds all of its states.
    bars = [line for line in said.split("\n") if "\r" in line]
    assert len(bars) == 1, said


@pytest.mark.parametrize(
    "name", ["deidentify", pytest.param("tfrecords_builder", marks=pytest.mark.large)]
)
def test_in_a_log_no_chatter_and_no_bar(name, folder):
    done = subprocess.run(
        [sys.executable, "-m", *COMMANDS[name]], cwd=folder, env=environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "\r" not in said
    # A log keeps absl's date and place before our own lines.
    others = re.sub(
        r"^[IW]\d{4} \S+ +\d+ (embedded_default|progress)\.py:\d+\]", "", said, flags=re.M
    )
    assert not CHATTER.search(others), others


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
