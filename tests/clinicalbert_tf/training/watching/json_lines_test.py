"""Log lines as JSON, in a process of their own as they change its logging."""

import datetime
import json
import subprocess
import sys

import pytest

from tests.support import ROOT

HEAD = """
import warnings
from absl import app, logging
from clinicalbert_tf.training.watching import json_lines
def main(argv):
    logging.set_verbosity(logging.INFO)
    json_lines.install()
"""


def run(body):
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    done = subprocess.run(
        [sys.executable, "-c", f"{HEAD}{lines}app.run(main)"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_is_an_object_with_time_level_and_message():
    status, lines = run(
        """
logging.info("two\\nlines of %s", "text")
logging.warning("careful", extra=json_lines.fields(event="save", step=10, rows=(1, 2.5)))
"""
    )
    assert status == 0
    assert [(line["level"], line["message"]) for line in lines] == [
        ("INFO", "two\nlines of text"),
        ("WARNING", "careful"),
    ]
    assert (lines[1]["event"], lines[1]["step"], lines[1]["rows"]) == ("save", 10, [1, 2.5])
    when = datetime.datetime.fromisoformat(lines[0]["time"].replace("Z", "+00:00"))
    assert when.utcoffset() == datetime.timedelta(0)
    age = datetime.datetime.now(datetime.timezone.utc) - when
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=1)


def test_numbers_that_json_lacks_are_null_and_own_keys_are_kept():
    _, (line,) = run(
        'logging.info("x", extra=json_lines.fields(loss=float("nan"), level="mine", '
        'scalars={"norm": float("inf")}))'
    )
    assert line["loss"] is None and line["scalars"] == {"norm": None}
    assert line["level"] == "INFO"


def test_warnings_and_uncaught_errors_are_lines_too():
    status, lines = run('warnings.warn("old")\nraise RuntimeError("broken")')
    assert status == 1
    assert "old" in lines[0]["message"] and lines[0]["level"] == "WARNING"
    last = lines[-1]
    assert (last["level"], last["event"], last["error"]) == ("ERROR", "error", "RuntimeError")
    assert last["message"] == "RuntimeError: broken"
    assert "Traceback" in last["traceback"]


def test_bars_are_off_where_lines_are_json_and_left_to_the_terminal_otherwise():
    _, (line,) = run('logging.info("%s", json_lines.bars_disabled())')
    assert line["message"] == "True"
    from clinicalbert_tf.training.watching import json_lines

    assert json_lines.bars_disabled() is None and not json_lines.installed()


def test_fields_change_nothing_in_text_lines():
    code = (
        "from absl import logging\nfrom clinicalbert_tf.training.watching import json_lines\n"
        "logging.use_absl_handler()\n"
        'logging.warning("hello", extra=json_lines.fields(event="save"))'
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.endswith("] hello\n")


def pretrain(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "clinicalbert_tf.pretrain", "--log_format=json", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_refusal_is_a_line_with_the_whole_message_and_keeps_its_status():
    done = pretrain("--input_file=a", "--strategy=gpu")
    (line,) = [json.loads(text) for text in done.stderr.splitlines()]
    assert done.returncode == 1
    assert (line["level"], line["event"], line["error"]) == ("ERROR", "error", "ValueError")
    assert line["message"].startswith("pretrain: Expected --strategy to be one of")
    assert line["message"].endswith("received 'gpu'.")


@pytest.mark.large
def test_whole_run_logs_lines_that_programs_can_follow(golden_records, small_config, tmp_path):
    small_config.write(str(tmp_path / "bert_config.json"))
    done = pretrain(
        f"--input_file={golden_records}", f"--eval_file={golden_records}", "--max_eval_steps=2",
        f"--bert_config_file={tmp_path / 'bert_config.json'}", f"--output_dir={tmp_path / 'run'}",
        "--max_seq_length=128", "--max_predictions_per_seq=22", "--train_batch_size=4",
        "--num_train_steps=4", "--num_warmup_steps=1", "--save_checkpoints_steps=2",
        "--eval_steps=4", "--peak_tflops=0.1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # What TensorFlow's C++ writes is no line of this software.
    lines = [json.loads(text) for text in done.stderr.splitlines() if text.startswith("{")]
    assert all({"time", "level", "message"} <= set(line) for line in lines)
    assert "step/s" not in done.stderr and "batch/s" not in done.stderr
    by_event = {}
    for line in lines:
        by_event.setdefault(line.get("event"), []).append(line)
    last = by_event["progress"][-1]
    assert (last["step"], last["num_train_steps"], last["seconds_left"]) == (4, 4, 0.0)
    assert last["loss"] > 0 and last["tokens_per_second"] > 0 and 0 < last["share_of_peak"] < 1
    assert [line["step"] for line in by_event["save"]] == [2, 4]
    assert by_event["evaluation"][-1]["step"] == 4
    assert by_event["report"][0]["path"].endswith("report.html")
    (finished,) = by_event["finished"]
    assert finished["eval"]["global_step"] == 4 and finished["step"] == 4
    assert "Trained to step 4" in done.stdout


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
