"""How far a run is: a bar on a terminal, a line now and then in a log."""

import os
import time
from collections.abc import Mapping, Sequence

from absl import logging
from tqdm import tqdm

from clinicalbert_tf.training.hooks import Call, LoopHook
from clinicalbert_tf.training.monitor import Shown
from clinicalbert_tf.training.watching import json_lines

_SECONDS_BETWEEN_LINES = 30.0
# How much a new call weighs in the pace that the time left is reckoned with.
_WEIGHT = 0.2


class Progress(LoopHook):
    """Shows loss, rate, share of the device's peak and time left.

    Args:
        shown: the task's scalars; those with a `word` are shown beside the loss.
    """

    def __init__(self, shown: Sequence[Shown] = ()):
        self.shown = tuple(shown)

    def start(self, first_step, num_train_steps, last_saved):
        self._bar = tqdm(
            total=num_train_steps, initial=first_step, unit="step", desc="training",
            disable=json_lines.bars_disabled(),
        )  # fmt: skip
        self._step, self._end = first_step, num_train_steps
        self._seconds_a_step, self._calls = 0.0, 0
        self._last_call = time.monotonic()
        self._last_line = None

    def after_call(self, call: Call) -> None:
        now = time.monotonic()
        self._keep_pace(now, len(call.scalars))
        self._bar.update(call.step - self._step)
        self._step = call.step
        self._bar.set_postfix_str(in_short(call.scalars[-1], self.shown))
        if self._bar.disable:
            if self._line_is_due(now):
                self._say_where(call)
            if call.saved is not None:
                _say_saved(call)

    def close(self, error=None):
        self._bar.close()

    def _keep_pace(self, now: float, steps: int) -> None:
        """Moving average of seconds per step, saves included; ignores the first call."""
        seconds, self._last_call = (now - self._last_call) / steps, now
        self._calls += 1
        weight = 1.0 if self._calls <= 2 else _WEIGHT
        self._seconds_a_step += weight * (seconds - self._seconds_a_step)

    def _line_is_due(self, now: float) -> bool:
        last, self._last_line = self._last_line, now
        if last is None or self._step == self._end or now - last >= _SECONDS_BETWEEN_LINES:
            return True
        self._last_line = last
        return False

    def _say_where(self, call: Call) -> None:
        scalars = call.scalars[-1]
        words, left = in_short(scalars, self.shown), None
        # The first call compiles: its pace says nothing of the rest.
        if self._calls > 1:
            left = round(self._seconds_a_step * (self._end - call.step), 1)
            words += f", {tqdm.format_interval(left)} left"
        logging.info(
            *("step %d of %d: %s", call.step, self._end, words),
            extra=json_lines.fields(
                event="progress", step=call.step, num_train_steps=self._end, seconds_left=left,
                **scalars,
            ),
        )  # fmt: skip


def _say_saved(call: Call) -> None:
    logging.info(
        *("Saved %s.", os.path.basename(call.saved)),
        extra=json_lines.fields(event="save", step=call.step, checkpoint=call.saved),
    )


def in_short(scalars: Mapping[str, float], shown: Sequence[Shown] = ()) -> str:
    """Loss, the task's own scalars, tokens per second and share of the peak in a few words."""
    words = f"loss {scalars['loss']:.3f}"
    for one in shown:
        value = scalars.get(one.tag)
        if one.word and value is not None and value != scalars["loss"]:
            words += f", {one.word} {value:.3f}"
    words += f", {scalars['tokens_per_second']:,.0f} tokens/s"
    if "share_of_peak" in scalars:
        words += f", {scalars['share_of_peak']:.1%} of peak"
    return words
