"""The settings that all fine-tuning commands share, with defaults that seldom fail."""

import dataclasses
import math
import re
from typing import Any

from clinicalbert_tf.setting_fields import setting
from clinicalbert_tf.training.settings import RunSettings

OPTIMIZERS = ("adamw", "reference", "lamb")
_LAYER = re.compile(r"bert/encoder/layer_(\d+)/")
_EMBEDDINGS = "bert/embeddings/"
_BUCKET = 8
# (examples at most, epochs): small sets need more passes (Mosbach et al. 2021, Zhang et al. 2021).
_EPOCHS = ((1_000, 10.0), (5_000, 6.0), (20_000, 4.0))
_EPOCHS_OF_LARGE = 3.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuningSettings(RunSettings):
    """A run that starts from a pretrained encoder; a task adds its own in a subclass.

    Steps, warm-up and evaluations are said in epochs and shares; `with_steps` turns them into the
    engine's numbers once the training examples are counted.
    """

    num_train_epochs: float | None = setting(
        None,
        "Passes over the training examples. Default: by their number, 3 to 10.",
        above=0,
        decisive=True,
    )
    warmup_proportion: float = setting(
        0.1, "Share of the training steps that is warm-up.", at_least=0, decisive=True
    )
    num_train_steps: int | None = setting(
        None, "Training steps in all; instead of --num_train_epochs.", at_least=1, decisive=True
    )
    num_warmup_steps: int | None = setting(
        None, "Steps of warm-up; instead of --warmup_proportion.", at_least=0, decisive=True
    )
    eval_steps: int | None = setting(
        None, "Training steps between evaluations on dev. Default: one epoch.", at_least=1
    )
    eval_batch_size: int = setting(
        32, "Examples per evaluation batch, over all replicas.", at_least=1
    )
    save_checkpoints_steps: int | None = setting(
        None, "Steps between saved checkpoints. Default: one epoch.", at_least=1
    )
    keep_checkpoint_max: int = setting(
        1, "Checkpoints kept, the newest ones; 0 keeps all.", at_least=0
    )
    optimizer: str = setting(
        "adamw",
        """adamw (with bias correction), reference (BERT's Adam without it, for the papers'
        tables) or lamb.""",
        choices=OPTIMIZERS,
        decisive=True,
    )
    length_buckets: int = setting(
        _BUCKET,
        """Batch examples of like lengths and pad each batch to a multiple of so many tokens only;
        0 pads all to max_seq_length. Default: 8, or 0 on a TPU.""",
        at_least=0,
        decisive=True,
        found_out=True,
    )
    freeze_layers: int = setting(
        0,
        "Encoder layers, from the first, that stay as they are, the embeddings with them.",
        at_least=0,
        decisive=True,
    )
    layerwise_lr_decay: float = setting(
        1.0,
        """What the learning rate of each encoder layer is multiplied by, against that of the
        layer above it; 1 for one rate.""",
        above=0,
        decisive=True,
    )

    @property
    def update_rule(self) -> str:
        """The name of the optimizer's rule in updates.update_rules."""
        return self.optimizer

    def rate_factor(self, tf1_name: str, num_hidden_layers: int) -> float:
        """What the learning rate of a variable is multiplied by; 0 leaves it as it is."""
        layer = _LAYER.match(tf1_name)
        if layer is None and not tf1_name.startswith(_EMBEDDINGS):
            return 1.0
        depth = int(layer.group(1)) + 1 if layer else 0
        if self.freeze_layers and depth <= self.freeze_layers:
            return 0.0
        return self.layerwise_lr_decay ** (num_hidden_layers + 1 - depth)


def with_steps(given: dict[str, Any], num_examples: int, has_dev: bool) -> dict[str, Any]:
    """Settings with the engine's steps, from epochs and the number of training examples.

    Args:
        given: settings that were given, by name.
        num_examples: training examples; 0 if nothing is trained.
        has_dev: whether there are dev examples to evaluate once per epoch.

    Returns:
        `given` with num_train_epochs, num_train_steps, num_warmup_steps, eval_steps and
        save_checkpoints_steps, where they were not given.
    """
    defaults = {f.name: f.default for f in dataclasses.fields(FineTuningSettings)}
    batch = given.get("train_batch_size", defaults["train_batch_size"])
    given = dict(given)
    if given.get("strategy") == "tpu":
        given.setdefault("length_buckets", 0)
    per_epoch = max(1, math.ceil(num_examples / batch))
    if given.get("num_train_steps") is None:
        epochs = given.get("num_train_epochs") or epochs_for(num_examples)
        given["num_train_epochs"] = epochs
        given["num_train_steps"] = max(1, round(num_examples * epochs / batch))
    steps = given["num_train_steps"]
    if given.get("num_warmup_steps") is None:
        share = given.get("warmup_proportion", defaults["warmup_proportion"])
        given["num_warmup_steps"] = int(steps * share)
    if given.get("eval_steps") is None and has_dev:
        given["eval_steps"] = min(per_epoch, steps)
    if given.get("save_checkpoints_steps") is None:
        given["save_checkpoints_steps"] = min(per_epoch, steps)
    return given


def epochs_for(num_examples: int) -> float:
    """Epochs by the number of training examples: 10 for up to 1,000 ... 3 for over 20,000."""
    for most, epochs in _EPOCHS:
        if num_examples <= most:
            return epochs
    return _EPOCHS_OF_LARGE
