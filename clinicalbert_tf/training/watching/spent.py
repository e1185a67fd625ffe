"""What a run has spent so far, resumed or not: tokens, and privacy."""

import json
import math

from absl import logging

from clinicalbert_tf.training.hooks import Call, LoopHook
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.states import run_record
from clinicalbert_tf.training.states.checkpoints import STATE
from clinicalbert_tf.training.updates.privacy_loss import default_delta, epsilon
from clinicalbert_tf.training.updates.private_gradients import CLIPPED_FRACTION

KEY = "tokens_seen"


class TokenCount(LoopHook):
    """Counts the tokens trained on since the run's first step, padding left out.

    Continues from the count in the state that the run started from, so the code that saves states
    must put `content` into them.

    Attributes:
        total: tokens of all steps made so far.
    """

    def __init__(self):
        self.total = 0

    @property
    def content(self) -> dict[str, int]:
        """What a saved state must hold for the count to continue."""
        return {KEY: self.total}

    def start(self, first_step, num_train_steps, last_saved):
        self.total = 0
        if first_step == 0:
            return
        with open(last_saved + STATE, encoding="utf-8") as file:
            state = json.load(file)
        self.total = state.get(KEY, 0)
        if KEY not in state:
            logging.warning("%s has no %s; they are counted from here on.", last_saved, KEY)

    def measure(self, call):
        self.total += round(sum(scalars["tokens"] for scalars in call.scalars))
        return {KEY: self.total}


class PrivacySpent(LoopHook):
    """Adds "epsilon" to the scalars, and "privacy" to run.json at the end.

    Without noise there is no epsilon (null in run.json).

    Args:
        settings: of the run.
        examples: examples of the training set.
        chief: whether this process writes run.json.
    """

    def __init__(self, settings: RunSettings, examples: int, chief: bool):
        self._settings = settings
        self._examples = examples
        self._chief = chief
        self._delta = settings.dp_delta or default_delta(examples)
        self._clipped: list[float] = []
        self._step = 0
        # A missing package is said before the first step.
        self._epsilon(1)

    def start(self, first_step, num_train_steps, last_saved):
        self._step = first_step

    def measure(self, call: Call) -> dict[str, float]:
        self._step = call.step
        self._clipped += [scalars[CLIPPED_FRACTION] for scalars in call.scalars]
        spent = self._epsilon(call.step)
        return {} if math.isinf(spent) else {"epsilon": spent}

    def close(self, error=None) -> None:
        record = run_record.read_run_record(self._settings.output_dir)
        if not self._chief or record is None:
            return
        spent = self._epsilon(self._step)
        count = len(self._clipped)
        record["privacy"] = {
            "epsilon": None if math.isinf(spent) else spent,
            "delta": self._delta,
            "steps": self._step,
            "examples": self._examples,
            "clipped_fraction": sum(self._clipped) / count if count else None,
            "accountant": "Renyi, Poisson sampling assumed",
        }
        run_record.write_run_record(self._settings.output_dir, record)

    def _epsilon(self, steps: int) -> float:
        settings = self._settings
        return epsilon(
            steps,
            self._examples,
            settings.train_batch_size,
            settings.dp_noise_multiplier,
            self._delta,
        )
