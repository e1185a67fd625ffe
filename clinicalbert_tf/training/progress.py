"""How far a run is: a bar on a terminal, a line now and then in a log."""

import time
from collections.abc import Mapping

from absl import logging
from tqdm import tqdm

from clinicalbert_tf.training.hooks import Call, LoopHook

_SECONDS_BETWEEN_LINES = 30.0


class Progress(LoopHook):
    """Shows loss, rate and time left."""

    def start(self, first_step, num_train_steps, last_saved):
        self._bar = tqdm(
            total=num_train_steps, initial=first_step, unit="step", disable=None, desc="training"
        )
        self._step, self._end = first_step, num_train_steps
        self._last_line = time.monotonic()

    def after_call(self, call: Call) -> None:
        self._bar.update(call.step - self._step)
        self._step = call.step
        self._bar.set_postfix_str(_in_short(call.scalars[-1]))
        now = time.monotonic()
        due = call.step == self._end or now - self._last_line >= _SECONDS_BETWEEN_LINES
        if self._bar.disable and due:
            self._last_line = now
            logging.info("step %d of %d: %s", call.step, self._end, _in_short(call.scalars[-1]))

    def close(self, error=None):
        self._bar.close()


def _in_short(scalars: Mapping[str, float]) -> str:
    return (
        f"loss {scalars['loss']:.3f}, masked words {scalars['masked_lm_loss']:.3f}, "
        f"{scalars['tokens_per_second']:,.0f} tokens/s"
    )
