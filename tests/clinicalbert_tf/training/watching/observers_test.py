"""What a whole run leaves behind to look at, interrupted and resumed."""

import dataclasses
import json
import pathlib

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.report.page import write_report
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import run_pretraining

# Every test here trains, or uses what a fixture has trained.
pytestmark = pytest.mark.large
STEPS = 6


def settings_of(records, config, folder, **changes):
    config_file = folder / "bert_config.json"
    config.write(str(config_file))
    return PretrainingSettings(
        **{
            "input_file": records, "bert_config_file": str(config_file),
            "output_dir": str(folder / "run"), "max_seq_length": 128,
            "max_predictions_per_seq": 22, "train_batch_size": 4, "num_train_steps": STEPS,
            "num_warmup_steps": 2, "save_checkpoints_steps": 2,
        }
        | changes
    )  # fmt: skip


def scalars_of(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}


def tokens_in_state(folder, step):
    return json.loads((folder / f"model.ckpt-{step}.state.json").read_text())["tokens_seen"]


@pytest.fixture(scope="module")
def run(golden_records, small_config, tmp_path_factory):
    settings = settings_of(
        golden_records, small_config, tmp_path_factory.mktemp("observed"), histogram_steps=3,
        profile_steps=(2, 3), peak_tflops=1e-3,
    )  # fmt: skip
    run_pretraining(settings, write_report=write_report)
    return settings, pathlib.Path(settings.output_dir)


def test_every_state_holds_the_tokens_up_to_its_step(run):
    _, folder = run
    tokens = [event.value for event in scalars_of(folder)["tokens"]]
    for step in (2, 4, 6):
        assert tokens_in_state(folder, step) == sum(tokens[:step])
    by_tokens = scalars_of(folder / "by_tokens")["by_tokens/loss"]
    assert [event.step for event in by_tokens] == [sum(tokens[: n + 1]) for n in range(STEPS)]


def test_every_calls_last_step_has_its_share_of_the_peak(run):
    _, folder = run
    scalars = scalars_of(folder)
    shares = {event.step: event.value for event in scalars["share_of_peak"]}
    assert sorted(shares) == [event.step for event in scalars["tokens_per_second"]]
    assert STEPS in shares and all(share > 0 for share in shares.values())


def test_histograms_and_profile_come_when_asked(run):
    _, folder = run
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    steps = [event.step for event in events.Tensors("weights/bert/embeddings/word_embeddings")]
    assert steps == [3, 6]
    assert len(list(folder.glob("plugins/profile/*/*.xplane.pb"))) == 1


def test_report_and_outcome_are_there(run):
    _, folder = run
    outcome = json.loads((folder / "outcome.json").read_text())
    assert (outcome["state"], outcome["step"]) == ("finished", STEPS)
    report = folder / "report.html"
    assert "Finished at step 6 of 6." in report.read_text()
    assert report.stat().st_mode & 0o077 == 0


def test_resumed_run_counts_as_the_undisturbed_one(run, tmp_path, golden_records, small_config):
    _, undisturbed = run
    settings = settings_of(golden_records, small_config, tmp_path, report=False)
    run_pretraining(settings, write_report=write_report)
    folder = pathlib.Path(settings.output_dir)
    assert not (folder / "report.html").exists()
    # As if it had been killed after step 3: the states of steps 4 and 6 were never saved.
    for step in (4, 6):
        (folder / f"model.ckpt-{step}.state.json").unlink()
    # Event files are read in the order of their names, which hold the second.
    for path in [*folder.glob("events.*"), *folder.glob("by_tokens/events.*")]:
        path.rename(path.with_name(path.name.replace("tfevents.1", "tfevents.0")))
    run_pretraining(settings, write_report=write_report)
    assert tokens_in_state(folder, 6) == tokens_in_state(undisturbed, 6)
    for where, tag in ((".", "loss"), ("by_tokens", "by_tokens/loss")):
        ours, theirs = (scalars_of(path / where)[tag] for path in (folder, undisturbed))
        assert [event.step for event in ours] == [event.step for event in theirs]
        assert [event.value for event in ours] == [event.value for event in theirs]


def test_run_that_fails_is_reported_as_failed(golden_records, small_config, tmp_path):
    settings = settings_of(
        golden_records, small_config, tmp_path, learning_rate=1e30, num_warmup_steps=0
    )
    with pytest.raises(ArithmeticError):
        run_pretraining(settings, write_report=write_report)
    page = (pathlib.Path(settings.output_dir) / "report.html").read_text()
    assert "Failed after step" in page and "NonFiniteLossError: Expected a finite loss" in page


def test_run_that_is_refused_has_no_report(golden_records, small_config, tmp_path):
    settings = settings_of(golden_records, small_config, tmp_path)
    with pytest.raises(ValueError, match="max_seq_length"):
        run_pretraining(dataclasses.replace(settings, max_seq_length=64))
    assert not list(tmp_path.rglob("report.html"))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
