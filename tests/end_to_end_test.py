"""The real commands, as a user runs them: notes to records to a checkpoint, killed and resumed."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.training import exit_codes
from clinicalbert_tf.training.states.checkpoints import saved_states
from tests import processes
from tfrecords_builder import schema

pytestmark = pytest.mark.large

STEPS = 20
# In every note's text; must come up nowhere but in files that are made to hold text.
MARKERS = ("Zyxwvutsson", "qqplomabril")
CONFIG = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}
# Gets a signal in the middle of a save, between a checkpoint's data and its index.
SIGNAL_WHILE_SAVING = """
import os, signal, sys
from clinicalbert_tf.checkpoints.writers import tf1_checkpoint as export
replace = os.replace
def signal_and_replace(source, target):
    if str(target).endswith("model.ckpt-10.index"):
        os.kill(os.getpid(), signal.{name})
    replace(source, target)
export.os.replace = signal_and_replace
from absl import app
from clinicalbert_tf import pretrain
app.run(pretrain.main, [sys.argv[0], *sys.argv[1:]])
"""
DIE_WHILE_SAVING = SIGNAL_WHILE_SAVING.format(name="SIGKILL")
SIGTERM_WHILE_SAVING = SIGNAL_WHILE_SAVING.format(name="SIGTERM")
# Waits in every step, and says that there is one worth saving.
SLOW_STEPS = """
import pathlib, sys, time
from absl import app, flags
from clinicalbert_tf import pretrain
def main(argv):
    from clinicalbert_tf.training.step import Stepper
    train = Stepper.train
    def slow_train(self, iterator, steps):
        rows = train(self, iterator, steps)
        if self.optimizer.step.numpy() >= 3:
            pathlib.Path(flags.FLAGS.output_dir, "steps_made").touch()
            time.sleep(1.0)
        return rows
    Stepper.train = slow_train
    pretrain.main(argv)
app.run(main, [sys.argv[0], *sys.argv[1:]])
"""
SIGTERM_WHILE_EVALUATING = """
import os, signal, sys
from absl import app
from clinicalbert_tf import pretrain
def main(argv):
    from clinicalbert_tf.training.step import Stepper
    evaluate = Stepper.evaluate
    def signalled(self, iterator, steps):
        os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(self, iterator, steps)
    Stepper.evaluate = signalled
    pretrain.main(argv)
app.run(main, [sys.argv[0], *sys.argv[1:]])
"""
# No file may grow beyond 100 kB until step 12.
FULL_DISK = """
import resource, signal, sys
from absl import app
from clinicalbert_tf import pretrain
def main(argv):
    from clinicalbert_tf.training.states.checkpoints import Checkpoints
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    save, limits = Checkpoints.save, resource.getrlimit(resource.RLIMIT_FSIZE)
    def limited(self, content):
        full = self.optimizer.step.numpy() < 12
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000 if full else limits[0], limits[1]))
        return save(self, content)
    Checkpoints.save = limited
    pretrain.main(argv)
app.run(main, [sys.argv[0], *sys.argv[1:]])
"""


def environment():
    return {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}


def run(folder, *command):
    """Runs a command from another folder; returns it with everything that it printed."""
    done = processes.run(command, cwd=folder, env=environment())
    done.printed = done.stdout + done.stderr
    return done


def start(data, *command, program=("-m", "clinicalbert_tf.pretrain")):
    """Starts a run whose output is read when it has ended."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return processes.start([*program, *command], cwd=data, env=environment(), **streams)


def wait_until(process, condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def pretrain_command(data, output_dir, *more):
    return [
        f"--input_file={data / 'records'}",
        f"--eval_file={data / 'held_out'}",
        f"--bert_config_file={data / 'bert_config.json'}",
        f"--output_dir={output_dir}",
        "--strategy=mirrored",
        "--train_batch_size=8",
        "--learning_rate=1e-3",
        f"--num_train_steps={STEPS}",
        "--num_warmup_steps=2",
        "--save_checkpoints_steps=5",
        "--iterations_per_loop=5",
        "--peak_tflops=1",
        *more,
    ]


def training_command(data, output_dir, *more):
    """The same run, when its weights alone are asked for."""
    return pretrain_command(data, output_dir, "--do_eval=False", "--report=False", *more)


def weights(output_dir):
    reader = tf.train.load_checkpoint(str(output_dir / f"model.ckpt-{STEPS}"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_equal_to_the_bit(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def data(work):
    """Notes with markers -> vocabulary -> records of training and held-out notes."""
    from tfrecords_builder import synthetic

    printed = ""
    for name, seed, count in (("train", 3, 60), ("held_out", 4, 12)):
        with open(work / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for note in synthetic.generate_notes(count, seed):
                text = f"{note['TEXT']}\nSeen by {MARKERS[0]} for {MARKERS[1]} today.\n"
                fields = {"note_id": note["ROW_ID"], "category": note["CATEGORY"], "text": text}
                file.write(json.dumps(fields) + "\n")
    steps = [
        ("tfrecords_builder.vocabulary", f"--input={work / 'train.jsonl'}", "--size=800",
         "--do_lower_case=False", f"--output={work / 'vocab.txt'}"),
        *(
            ("tfrecords_builder", f"--input={work / f'{name}.jsonl'}",
             f"--output_dir={work / folder}", f"--vocab_file={work / 'vocab.txt'}",
             "--max_seq_length=64",
             "--max_predictions_per_seq=10", "--num_shards=2", "--dupe_factor=1")
            for name, folder in (("train", "records"), ("held_out", "held_out"))
        ),
    ]  # fmt: skip
    for step in steps:
        done = run(work, "-m", *step)
        assert done.returncode == 0, done.printed
        printed += done.printed
    rows = len((work / "vocab.txt").read_text(encoding="utf-8").splitlines())
    (work / "bert_config.json").write_text(json.dumps({**CONFIG, "vocab_size": rows}))
    (work / "printed_by_builder.log").write_text(printed)
    return work


@pytest.fixture(scope="module")
def undisturbed(data):
    """The run that nothing happened to: (output folder, what it printed)."""
    output_dir = data / "undisturbed"
    done = run(data, "-m", "clinicalbert_tf.pretrain", *pretrain_command(data, output_dir))
    assert done.returncode == 0, done.printed
    return output_dir, done.printed


def test_records_account_for_every_note(data):
    manifest = schema.read_manifest(str(data / "records"))
    notes = manifest.counts["notes"]
    assert notes["read"] == 60
    gone = notes["empty"] + notes["failed"] + sum(notes["filtered"].values())
    assert notes["written"] + gone == 60
    files = [str(data / "records" / shard["file"]) for shard in manifest.shards]
    assert sum(1 for _ in tf.data.TFRecordDataset(files)) == manifest.counts["instances"]


def test_run_trains_evaluates_and_says_what_is_next(undisturbed):
    output_dir, printed = undisturbed
    assert "Next:" in printed and f"tensorboard --logdir {output_dir}" in printed
    events = EventAccumulator(str(output_dir), size_guidance={"scalars": 0}).Reload()
    losses = [event.value for event in events.Scalars("masked_lm_loss")]
    assert len(losses) == STEPS
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    results = dict(
        line.split(" = ") for line in (output_dir / "eval_results.txt").read_text().splitlines()
    )
    assert results["global_step"] == str(STEPS)


def test_run_that_is_killed_while_training_ends_with_the_same_weights(data, undisturbed):
    output_dir = data / "killed"
    command = training_command(data, output_dir)
    process = start(data, *command)
    wait_until(process, (output_dir / "model.ckpt-5.state.json").exists)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert not (output_dir / f"model.ckpt-{STEPS}.state.json").exists()
    done = run(data, "-m", "clinicalbert_tf.pretrain", *command)
    assert done.returncode == 0, done.printed
    assert "Resuming from" in done.printed
    assert_equal_to_the_bit(weights(output_dir), weights(undisturbed[0]))


def test_run_that_is_killed_while_saving_ends_with_the_same_weights(data, undisturbed):
    output_dir = data / "killed_while_saving"
    command = training_command(data, output_dir)
    done = run(data, "-c", DIE_WHILE_SAVING, *command)
    assert done.returncode == -signal.SIGKILL, done.printed
    assert (output_dir / "model.ckpt-10.data-00000-of-00001").exists()
    assert not (output_dir / "model.ckpt-10.index").exists()
    done = run(data, "-m", "clinicalbert_tf.pretrain", *command)
    assert done.returncode == 0, done.printed
    assert "model.ckpt-5." in done.printed
    assert_equal_to_the_bit(weights(output_dir), weights(undisturbed[0]))
    assert not list(output_dir.glob(".*unfinished*"))


def test_run_that_is_preempted_saves_and_ends_with_the_same_weights(data, undisturbed):
    output_dir = data / "preempted"
    # Steps as slow as a large model's, so that the signal comes between two saves.
    command = training_command(data, output_dir, "--save_checkpoints_steps=100")
    process = start(data, *command, program=("-c", SLOW_STEPS))
    wait_until(process, (output_dir / "steps_made").exists)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == exit_codes.PREEMPTED, printed
    (state,) = saved_states(str(output_dir))
    assert 1 <= state.step < STEPS
    assert f"Stopped by SIGTERM: step {state.step} is saved as {state.prefix}." in printed
    again = f"python -m clinicalbert_tf.pretrain --input_file={data / 'records'}"
    assert f"Resume with: {again}" in printed
    assert "Traceback" not in printed
    done = run(data, "-m", "clinicalbert_tf.pretrain", *command)
    assert done.returncode == 0, done.printed
    assert f"Resuming from {state.prefix}" in done.printed
    assert_equal_to_the_bit(weights(output_dir), weights(undisturbed[0]))
    ours, theirs = (
        EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload().Scalars("loss")
        for folder in (output_dir, undisturbed[0])
    )
    assert [(event.step, event.value) for event in ours] == [
        (event.step, event.value) for event in theirs
    ]


def test_save_that_a_signal_comes_into_is_finished(data, undisturbed):
    output_dir = data / "preempted_while_saving"
    process = start(data, *training_command(data, output_dir), program=("-c", SIGTERM_WHILE_SAVING))
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == exit_codes.PREEMPTED, printed
    # The signal came into the save of step 10; one more call of steps was made before it was seen.
    steps = [state.step for state in saved_states(str(output_dir))]
    assert steps[:2] == [5, 10] and len(steps) <= 3
    done = run(data, "-m", "clinicalbert_tf.pretrain", *training_command(data, output_dir))
    assert done.returncode == 0, done.printed
    assert_equal_to_the_bit(weights(output_dir), weights(undisturbed[0]))


def test_signal_before_the_first_step_ends_the_run_at_once_and_leaves_nothing_half_made(data):
    output_dir = data / "preempted_at_once"
    process = start(data, *pretrain_command(data, output_dir))
    # Written after the model was built, before the first step is traced.
    wait_until(process, (output_dir / "run.json").exists)
    process.send_signal(signal.SIGTERM)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == exit_codes.PREEMPTED, printed
    assert "there was nothing to save" in printed and "Resume with:" in printed
    assert not list(output_dir.glob("model.ckpt*"))
    json.loads((output_dir / "run.json").read_text())
    assert not [path for path in output_dir.rglob("*") if ".tmp-" in path.name]


def test_signal_while_evaluating_at_the_end_loses_nothing(data, undisturbed):
    output_dir = data / "preempted_in_evaluation"
    process = start(
        data, *pretrain_command(data, output_dir), program=("-c", SIGTERM_WHILE_EVALUATING)
    )
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == exit_codes.PREEMPTED, printed
    assert_equal_to_the_bit(weights(output_dir), weights(undisturbed[0]))
    assert not (output_dir / "eval_results.txt").exists()
    done = run(data, "-m", "clinicalbert_tf.pretrain", *pretrain_command(data, output_dir))
    assert done.returncode == 0, done.printed
    ours, theirs = ((f / "eval_results.txt").read_text() for f in (output_dir, undisturbed[0]))
    assert ours == theirs


def test_full_disk_costs_saves_and_not_the_run(data, undisturbed):
    """The limit on file sizes stands in for a disk that is full; it is lifted after step 12."""
    output_dir = data / "full"
    process = start(data, *training_command(data, output_dir), program=("-c", FULL_DISK))
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 0, printed
    assert printed.count("Could not save model.ckpt-5 ") == 1
    assert printed.count("Could not save model.ckpt-10 ") == 1
    assert [state.step for state in saved_states(str(output_dir))] == [15, 20]
    assert_equal_to_the_bit(weights(output_dir), weights(undisturbed[0]))


def test_two_replicas_follow_one_over_twenty_steps(data):
    """Without dropout, the same global batch gives the same losses on one and on two devices."""
    config = json.loads((data / "bert_config.json").read_text())
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (data / "still.json").write_text(json.dumps({**config, **still}))
    losses = []
    for replicas in (1, 2):
        output_dir = data / f"replicas_{replicas}"
        more = (f"--num_replicas={replicas}", f"--bert_config_file={data / 'still.json'}")
        command = training_command(data, output_dir, *more)
        done = run(data, "-m", "clinicalbert_tf.pretrain", *command)
        assert done.returncode == 0, done.printed
        record = json.loads((output_dir / "run.json").read_text())
        assert record["num_replicas"] == replicas
        events = EventAccumulator(str(output_dir), size_guidance={"scalars": 0}).Reload()
        losses.append([event.value for event in events.Scalars("loss")])
    assert len(losses[0]) == STEPS
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-4, rtol=0)


def test_evaluation_command_reads_plain_records(data, undisturbed):
    """As outside checks call it: a checkpoint, a configuration and records without a manifest."""
    plain = data / "plain"
    plain.mkdir()
    shards = schema.read_manifest(str(data / "held_out")).shards
    for shard in shards:
        os.link(data / "held_out" / shard["file"], plain / shard["file"])
    done = run(
        data, "-m", "clinicalbert_tf.pretrain", "--do_train=False", "--do_eval=True",
        f"--init_checkpoint={undisturbed[0] / f'model.ckpt-{STEPS}'}",
        f"--bert_config_file={data / 'bert_config.json'}", f"--input_file={plain}/*.tfrecord",
        "--max_seq_length=64", "--max_predictions_per_seq=10", f"--output_dir={data / 'evaluated'}",
    )  # fmt: skip
    assert done.returncode == 0, done.printed
    ours = (data / "evaluated" / "eval_results.txt").read_text().splitlines()
    theirs = (undisturbed[0] / "eval_results.txt").read_text().splitlines()
    assert ours[0] == "global_step = 0"
    for line, expected in zip(ours[1:], theirs[1:], strict=True):
        assert line.split(" = ")[0] == expected.split(" = ")[0]
        assert float(line.split(" = ")[1]) == pytest.approx(float(expected.split(" = ")[1]))


def test_no_note_text_reaches_a_log_or_tensorboard(data, undisturbed):
    output_dir, printed = undisturbed
    seen = {"terminal": printed + (data / "printed_by_builder.log").read_text()}
    paths = [*output_dir.rglob("events.*"), *output_dir.glob("*.json"), *output_dir.glob("*.txt")]
    paths += [*(data / "records").glob("*.json")]
    assert any(path.name.startswith("events.") for path in paths)
    for path in paths:
        # The vocabulary is a file of words by its nature.
        if path.name != schema.VOCABULARY_NAME:
            seen[path.name] = path.read_bytes().decode("utf-8", errors="replace")
    for where, text in seen.items():
        for marker in MARKERS:
            assert marker not in text, where


def test_wrong_flag_is_said_without_a_traceback(data):
    command = pretrain_command(data, data / "wrong", "--max_seq_length=128")
    done = run(data, "-m", "clinicalbert_tf.pretrain", *command)
    assert done.returncode == 1
    assert "128" in done.stderr and "64" in done.stderr
    assert "Traceback" not in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
