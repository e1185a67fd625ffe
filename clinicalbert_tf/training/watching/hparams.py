"""A run's settings for TensorBoard: as text, and in the HParams tab."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2
from tensorboard.plugins.text.summary_v2 import text_pb

from clinicalbert_tf.run_files import EVALUATION_FOLDER

# Where files lie says nothing about a run's results.
_PLACES = ("_file", "_dir", "_checkpoint")


def settings_summaries(
    settings: Mapping[str, Any], run: str, metrics: Sequence[str]
) -> list[summary_pb2.Summary]:
    """What tells TensorBoard how a run is set: the text, the HParams experiment and its session.

    Args:
        settings: numbers, strings, truth values, None or lists of those, by name.
        run: names the run among others, such as its folder.
        metrics: tags of the scalars that the HParams tab has columns for.
    """
    hyperparameters = {
        name: value
        for name, value in settings.items()
        if isinstance(value, bool | int | float | str) and not name.endswith(_PLACES)
    }
    return [
        text_pb("settings", markdown_table(settings)),
        _summary(
            metadata.EXPERIMENT_TAG,
            plugin_data_pb2.HParamsPluginData(experiment=_experiment(hyperparameters, metrics)),
        ),
        summary_v2.hparams_pb(hyperparameters, trial_id=run),
    ]


def end_summary() -> summary_pb2.Summary:
    """Tells the HParams tab that the run has ended well."""
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
    return _summary(
        metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end)
    )


def markdown_table(rows: Mapping[str, Any]) -> str:
    """A table of names and values, sorted by name."""
    lines = [f"| {name} | {_cell(rows[name])} |" for name in sorted(rows)]
    return "\n".join(["| setting | value |", "|---|---|", *lines])


def _experiment(hyperparameters: Mapping[str, Any], metrics: Sequence[str]) -> api_pb2.Experiment:
    """The columns of the HParams tab."""
    infos = [
        api_pb2.MetricInfo(
            name=api_pb2.MetricName(group=group, tag=tag), display_name=f"{before}{tag}"
        )
        for group, before in (("", ""), (EVALUATION_FOLDER, "evaluation "))
        for tag in metrics
    ]
    columns = [
        api_pb2.HParamInfo(name=name, type=_type(value)) for name, value in hyperparameters.items()
    ]
    return api_pb2.Experiment(
        hparam_infos=columns, metric_infos=infos, time_created_secs=time.time()
    )


def _type(value: bool | int | float | str):
    if isinstance(value, bool):
        return api_pb2.DATA_TYPE_BOOL
    return api_pb2.DATA_TYPE_STRING if isinstance(value, str) else api_pb2.DATA_TYPE_FLOAT64


def _summary(tag: str, data: plugin_data_pb2.HParamsPluginData) -> summary_pb2.Summary:
    """What the plugin reads: all of it is the tag's metadata."""
    value = summary_pb2.Summary.Value(
        tag=tag,
        tensor=metadata.NULL_TENSOR,
        metadata=metadata.create_summary_metadata(data),
    )
    return summary_pb2.Summary(value=[value])


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
