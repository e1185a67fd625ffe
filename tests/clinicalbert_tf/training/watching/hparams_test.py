"""Settings as TensorBoard's text and HParams, read by its own plugins."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata

from clinicalbert_tf.training.watching.hparams import (
    end_summary,
    markdown_table,
    settings_summaries,
)
from clinicalbert_tf.training.watching.summaries import Summaries

SETTINGS = {
    "learning_rate": 0.5, "train_batch_size": 16, "precision": "float32", "deterministic": True,
    "eval_steps": None, "input_file": "/data/a|b", "profile_steps": (1, 2),
}  # fmt: skip

METRICS = ("loss", "masked_lm_loss", "masked_lm_accuracy")


def written(directory, summaries):
    writer = Summaries(str(directory))
    for summary in summaries:
        writer.write(3, summary)
    writer.close()
    return EventAccumulator(str(directory)).Reload()


def plugin_content(events, tag):
    return events.SummaryMetadata(tag).plugin_data.content


def test_settings_are_a_table_of_text(tmp_path):
    events = written(tmp_path, settings_summaries(SETTINGS, "run", METRICS))
    (event,) = events.Tensors("settings")
    text = event.tensor_proto.string_val[0].decode()
    assert event.step == 3
    assert text.splitlines()[:2] == ["| setting | value |", "|---|---|"]
    assert "| learning_rate | 0.5 |" in text
    assert "| input_file | /data/a\\|b |" in text
    assert events.SummaryMetadata("settings").plugin_data.plugin_name == "text"


def test_hyperparameters_are_a_session_with_metrics_of_training_and_evaluation(tmp_path):
    events = written(tmp_path, settings_summaries(SETTINGS, "run", METRICS))
    session = metadata.parse_session_start_info_plugin_data(
        plugin_content(events, metadata.SESSION_START_INFO_TAG)
    )
    values = {name: value for name, value in session.hparams.items()}
    assert sorted(values) == ["deterministic", "learning_rate", "precision", "train_batch_size"]
    assert values["learning_rate"].number_value == 0.5
    assert values["deterministic"].bool_value is True
    assert values["precision"].string_value == "float32"
    experiment = metadata.parse_experiment_plugin_data(
        plugin_content(events, metadata.EXPERIMENT_TAG)
    )
    assert [info.name for info in experiment.hparam_infos] == [
        name for name in SETTINGS if name in values
    ]
    metrics = {(info.name.group, info.name.tag) for info in experiment.metric_infos}
    assert {("", "masked_lm_loss"), ("eval", "masked_lm_accuracy")} <= metrics


def test_end_of_a_session_is_a_success(tmp_path):
    events = written(tmp_path, [end_summary()])
    end = metadata.parse_session_end_info_plugin_data(
        plugin_content(events, metadata.SESSION_END_INFO_TAG)
    )
    assert end.status == api_pb2.STATUS_SUCCESS and end.end_time_secs > 1e9


def test_table_is_sorted_and_keeps_its_columns():
    assert markdown_table({"b": "x\ny", "a": None}).splitlines()[2:] == [
        "| a | None |",
        "| b | x y |",
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
