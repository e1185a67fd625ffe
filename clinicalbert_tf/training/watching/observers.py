"""The hooks that watch a run: counts, progress, TensorBoard, histograms and profiles."""

import dataclasses
from typing import Any

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.training.hooks import LoopHook
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.watching.call_ends import CallEnds
from clinicalbert_tf.training.watching.histograms import Histograms
from clinicalbert_tf.training.watching.outcome import Outcome
from clinicalbert_tf.training.watching.peak import ShareOfPeak
from clinicalbert_tf.training.watching.privacy_spent import PrivacySpent
from clinicalbert_tf.training.watching.profiling import Profile
from clinicalbert_tf.training.watching.progress import Progress
from clinicalbert_tf.training.watching.summaries import TrainingSummaries
from clinicalbert_tf.training.watching.tokens import TokenCount


def observers(
    task,
    settings: RunSettings,
    inputs: RunInputs,
    strategy,
    model,
    tokens: TokenCount,
    chief: bool,
) -> list[LoopHook]:
    """The hooks that watch, in their order; the chief's alone write files.

    Args:
        task: a tasks.task.Task.
        settings: what the run was asked to do.
        inputs: what it starts from.
        strategy: its tf.distribute strategy.
        model: what the task built.
        tokens: the count whose `content` every saved state holds.
        chief: whether this process writes the files that all workers share.
    """
    hooks: list[LoopHook] = [
        tokens,
        ShareOfPeak(
            inputs.config, settings.train_batch_size, task.operations, strategy,
            settings.precision, settings.peak_tflops,
        ),
        Progress(task.shown),
        CallEnds(settings.histogram_steps, settings.profile_steps),
    ]  # fmt: skip
    if settings.dp_clip_norm is not None:
        hooks.append(PrivacySpent(settings, inputs.train_source.num_examples, chief))
    if not chief:
        return hooks
    by_name = _settings_by_name(settings, inputs)
    tags = [shown.tag for shown in task.shown]
    summaries = TrainingSummaries(settings.output_dir, tokens, by_name, tags)
    hooks += [Outcome(settings.output_dir), summaries]
    if settings.histogram_steps is not None:
        weights = [(row.tf1_name, row.variable) for row in model_variables(model)]
        hooks.append(Histograms(summaries, settings.histogram_steps, weights))
    if settings.profile_steps is not None:
        hooks.append(Profile(settings.output_dir, *settings.profile_steps))
    return hooks


def _settings_by_name(settings: RunSettings, inputs: RunInputs) -> dict[str, Any]:
    model = {f"bert_config.{name}": value for name, value in inputs.config.to_dict().items()}
    return {**dataclasses.asdict(settings), **model}
