"""Runs on unmasked, compressed and bucketed records, from the builder to the checkpoint."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import run_pretraining
from clinicalbert_tf.training.states.checkpoints import saved_states

STEPS = 8


@pytest.fixture(scope="module")
def config_file(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("config") / "bert_config.json")
    BertConfig(
        vocab_size=1200, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64, type_vocab_size=2,
    ).write(path)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def compressed(build):
    """Unmasked records in gzip files."""
    return build(masking="dynamic", compression="gzip", do_whole_word_mask=True)


def settings_for(config_file, records, output_dir, **changes):
    return PretrainingSettings(
        **{
            "input_file": records, "output_dir": str(output_dir), "bert_config_file": config_file,
            "train_batch_size": 8, "eval_batch_size": 8, "learning_rate": 1e-3,
            "num_train_steps": STEPS, "num_warmup_steps": 2, "save_checkpoints_steps": 4,
            "shuffle_buffer": 100, "report": False, "max_eval_steps": 2, "peak_tflops": 1.0,
            **changes,
        }
    )  # fmt: skip


def losses(output_dir):
    events = EventAccumulator(str(output_dir), size_guidance={"scalars": 0}).Reload()
    by_step = {event.step: event.value for event in events.Scalars("loss")}
    return [by_step[step] for step in range(1, STEPS + 1)]


def interrupted_copy(output_dir, target):
    """An output folder as it stood after step 4."""
    shutil.copytree(output_dir, target)
    for path in [*target.glob(f"model.ckpt-{STEPS}*"), *target.glob("events.*")]:
        path.unlink()
    index = target / "checkpoint"
    if index.exists():
        index.unlink()
    assert [state.step for state in saved_states(str(target))] == [4]
    return target


@pytest.mark.large
def test_unmasked_compressed_records_train_resume_and_evaluate(config_file, compressed, tmp_path):
    settings = settings_for(
        config_file, compressed, tmp_path / "run", do_eval=True, eval_file=compressed
    )
    results = run_pretraining(settings)
    undisturbed = losses(tmp_path / "run")
    assert len(set(undisturbed)) == STEPS
    resumed = interrupted_copy(tmp_path / "run", tmp_path / "resumed")
    again = run_pretraining(dataclasses.replace(settings, output_dir=str(resumed)))
    events = EventAccumulator(str(resumed), size_guidance={"scalars": 0}).Reload()
    after = {event.step: event.value for event in events.Scalars("loss")}
    assert after == {step: undisturbed[step - 1] for step in range(5, STEPS + 1)}
    assert again["eval"] == results["eval"]
    with pytest.raises(ValueError, match=r"masked_lm_prob was None, is now 0\.2"):
        run_pretraining(dataclasses.replace(settings, output_dir=str(resumed), masked_lm_prob=0.2))


@pytest.mark.large
def test_masking_settings_reach_the_records(config_file, unmasked, tmp_path):
    plain = settings_for(config_file, unmasked, tmp_path / "plain", num_train_steps=4)
    run_pretraining(plain)
    more = dataclasses.replace(
        plain, output_dir=str(tmp_path / "more"), masked_lm_prob=0.05, do_whole_word_mask=True,
        masking="dynamic",
    )  # fmt: skip
    run_pretraining(more)
    tags = [
        EventAccumulator(str(tmp_path / name)).Reload().Scalars("masked_lm_loss")
        for name in ("plain", "more")
    ]
    assert [event.value for event in tags[0]] != [event.value for event in tags[1]]


def test_masking_settings_for_masked_records_are_refused(config_file, build, tmp_path):
    settings = settings_for(config_file, build(), tmp_path / "run", masked_lm_prob=0.2)
    with pytest.raises(ValueError, match=r"Expected unmasked records for --masked_lm_prob=0\.2"):
        run_pretraining(settings)
    with pytest.raises(ValueError, match=r"masking is static in .*--masking=dynamic"):
        run_pretraining(dataclasses.replace(settings, masked_lm_prob=None, masking="dynamic"))
    assert not (tmp_path / "run").exists()


@pytest.mark.large
def test_length_buckets_train_and_resume(config_file, unmasked, tmp_path):
    settings = settings_for(config_file, unmasked, tmp_path / "run", length_buckets=8)
    run_pretraining(settings)
    undisturbed = losses(tmp_path / "run")
    resumed = interrupted_copy(tmp_path / "run", tmp_path / "resumed")
    run_pretraining(dataclasses.replace(settings, output_dir=str(resumed)))
    events = EventAccumulator(str(resumed), size_guidance={"scalars": 0}).Reload()
    after = {event.step: event.value for event in events.Scalars("loss")}
    assert after == {step: undisturbed[step - 1] for step in range(5, STEPS + 1)}
    run_pretraining(dataclasses.replace(settings, output_dir=str(tmp_path / "pool"), length_pool=1))
    assert losses(tmp_path / "pool") != undisturbed
    with pytest.raises(ValueError, match="length_pool"):
        run_pretraining(dataclasses.replace(settings, output_dir=str(resumed), length_pool=1))


@pytest.mark.large
@pytest.mark.parametrize("optimizer", ["adamw", "lamb"])
def test_masked_words_alone_leave_pooler_and_next_sentence_head_as_they_were(
    config_file, unmasked, tmp_path, optimizer
):
    def variables(name, step):
        reader = tf.train.load_checkpoint(str(tmp_path / name / f"model.ckpt-{step}"))
        shapes = reader.get_variable_to_shape_map()
        return {variable: reader.get_tensor(variable) for variable in shapes}

    settings = settings_for(
        config_file, unmasked, tmp_path / "run", objective="mlm", optimizer=optimizer,
        save_checkpoints_steps=1, keep_checkpoint_max=0, do_eval=True, eval_file=unmasked,
    )  # fmt: skip
    results = run_pretraining(settings)["eval"]
    assert not [name for name in results if name.startswith("next_sentence")]
    assert results["loss"] == results["masked_lm_loss"]
    text = pathlib.Path(tmp_path / "run" / "eval_results.txt").read_text()
    assert "masked_lm_accuracy" in text and "next_sentence" not in text
    first, last = variables("run", 1), variables("run", STEPS)
    untrained = [
        name for name in first if name.startswith(("bert/pooler/", "cls/seq_relationship/"))
    ]
    assert {"bert/pooler/dense/kernel", "cls/seq_relationship/output_weights"} <= set(untrained)
    for name in untrained:
        np.testing.assert_array_equal(first[name], last[name], err_msg=name)
    kernel = "bert/encoder/layer_0/output/dense/kernel"
    assert (first[kernel] != last[kernel]).any()
    run_pretraining(
        dataclasses.replace(
            settings,
            output_dir=str(tmp_path / "both"),
            objective="mlm_nsp",
            save_checkpoints_steps=STEPS,
        )
    )
    assert set(variables("both", STEPS)) == set(last)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
