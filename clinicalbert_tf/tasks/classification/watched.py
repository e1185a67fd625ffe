"""What progress, TensorBoard and report show of a classification, and what chooses the best."""

import dataclasses

from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.training.monitor import LOSS, Monitor, Shown

# Metrics of several labels per example that may decide.
_OF_SEVERAL = ("accuracy", "f1_micro", "f1_macro", "auroc")


def monitor_of(data: LabelledData) -> Monitor:
    """The figure that chooses the best checkpoint: the data set's own, if it has it."""
    if data.problem_type == "regression":
        return Monitor("mean_squared_error")
    metric = data.spec.metric
    if data.problem_type == "multi" and metric not in _OF_SEVERAL:
        metric = "f1_macro"
    return Monitor(metric, higher_is_better=True)


def shown_of(monitor: Monitor) -> tuple[Shown, ...]:
    """The loss, the figure that decides, and accuracy."""
    shown = [dataclasses.replace(LOSS, word="loss")]
    if monitor.metric != "accuracy":
        kind = "percent" if monitor.higher_is_better else "number"
        shown.append(Shown(monitor.metric, monitor.words[:1].upper() + monitor.words[1:], kind))
    if monitor.higher_is_better:
        shown.append(Shown("accuracy", "Accuracy", "percent"))
    return tuple(shown)
