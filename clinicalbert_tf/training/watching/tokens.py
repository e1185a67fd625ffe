"""How many tokens a run has seen, resumed or not."""

import json

from absl import logging

from clinicalbert_tf.training.hooks import LoopHook
from clinicalbert_tf.training.states.checkpoints import STATE

KEY = "tokens_seen"


class TokenCount(LoopHook):
    """Counts the tokens trained on since the run's first step, padding left out.

    Goes on from the count in the state that the run started from, so whoever saves states must
    put `content` into them.

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
