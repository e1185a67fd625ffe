"""The hooks that watch a run, in their order, and how they may fail without ending it."""

import dataclasses
from typing import Any

from absl import logging

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.training.hooks import Call, LoopHook, Stop
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.watching.chosen_steps import CallEnds, Histograms, Profile
from clinicalbert_tf.training.watching.operations import ShareOfPeak
from clinicalbert_tf.training.watching.outcome import Outcome
from clinicalbert_tf.training.watching.progress import Progress
from clinicalbert_tf.training.watching.spent import PrivacySpent, TokenCount
from clinicalbert_tf.training.watching.summaries import WRITE_ERRORS, TrainingSummaries


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


class Guarded(LoopHook):
    """A hook whose failures to write are logged, once until it works again.

    After a failure the hook rests until a state was saved, which shows that there is space again;
    it is then closed and started again from there.

    Args:
        hook: writes files that training does not need.
    """

    def __init__(self, hook: LoopHook):
        self.hook = hook
        self._resting = False

    def start(self, first_step, num_train_steps, last_saved):
        self._end = num_train_steps
        return self._try(self.hook.start, first_step, num_train_steps, last_saved)

    def next_stop(self, step):
        # At rest too: workers whose calls differ in length would wait for each other for ever.
        return self.hook.next_stop(step)

    def before_call(self, step, count):
        self._try(self.hook.before_call, step, count)

    def measure(self, call: Call):
        return self._try(self.hook.measure, call) or {}

    def after_call(self, call: Call) -> Stop | None:
        if self._resting and call.saved is not None and not call.stopping:
            self._start_again(call)
            return None
        return self._try(self.hook.after_call, call)

    def stopping(self, stop: Stop) -> None:
        self._try(self.hook.stopping, stop)

    def close(self, error=None):
        # Whatever state a failure left it in, what it holds open should not stay so.
        self._resting = False
        self._try(self.hook.close, error)

    def _start_again(self, call: Call) -> None:
        self.close()
        self._resting = False
        self._try(self.hook.start, call.step, self._end, call.saved)

    def _try(self, method, *arguments):
        if self._resting:
            return None
        try:
            return method(*arguments)
        except WRITE_ERRORS as error:
            self._resting = True
            logging.warning(
                "%s could not write (%s: %s). Training continues without it until a checkpoint can "
                "be saved; free space.",
                *(type(self.hook).__name__, type(error).__name__, error),
            )
            return None
