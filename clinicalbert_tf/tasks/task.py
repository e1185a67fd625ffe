"""What is not the same for every run on the engine."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.training.evaluation import Predictions
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.monitor import Monitor, Shown
from clinicalbert_tf.training.objective import Objective
from clinicalbert_tf.training.settings import RunSettings


class Task(Protocol):
    """A kind of run: its data, its model, its loss and its results.

    Strategies, resuming, precision, accumulation, signals, best checkpoint, early stopping,
    TensorBoard and report see nothing of it but sums, a step and a monitor.

    Attributes:
        name: the command's name, "command" in run.json.
        objective: the loss.
        monitor: the result that best/ and patience go by.
        shown: the scalars that progress, HParams and report show; the first ones are figures at
            the top of the report.
        headline: the scalar whose first and last value are logged.
        predicts: whether evaluations keep the objective's predictions and `score` them.
        predictions_in_files: those predictions, [examples, width], that an evaluation keeps in a
            file instead of in memory.
        evaluates_best: whether the final evaluations are of the best checkpoint, not of the last
            one.
        input_decisions: dotted paths in run.json below "inputs" that a resumed run must not
            change.
    """

    name: str
    objective: Objective
    monitor: Monitor
    shown: tuple[Shown, ...]
    headline: str
    predicts: bool
    predictions_in_files: tuple[str, ...]
    evaluates_best: bool
    input_decisions: tuple[str, ...]

    def find_inputs(self, settings: RunSettings, left_out: Collection[str] = ()) -> RunInputs:
        """Finds and checks everything that the run starts from.

        Args:
            settings: what was asked for.
            left_out: damaged files to leave out unread, by their absolute paths.

        Raises:
            FileNotFoundError, ValueError: something is missing or does not fit.
        """

    def build_model(self, config: BertConfig, settings: RunSettings):
        """The model, freshly initialised: a keras.Model with `backbone`."""

    def operations(self, config: BertConfig, examples: float, length: float) -> float:
        """Additions and multiplications of a step's matrix products, for the share of peak."""

    def describe(self) -> dict[str, Any]:
        """What run.json says of the task: all that using the model later needs."""

    def score(self, split: str, predictions: Predictions) -> Mapping[str, float | None]:
        """Further results of an evaluation, from every example's predictions.

        Args:
            split: name of the evaluated source.
            predictions: in the order of the source's examples, the same on all workers.
        """

    def finish(
        self, split: str, results: Mapping[str, float], predictions: Predictions, output_dir: str
    ) -> None:
        """Writes what a final evaluation leaves behind; called on the chief alone."""


class TaskDefaults:
    """What most tasks have in common; a task may subclass it."""

    monitor = Monitor()
    headline = "loss"
    predicts = True
    predictions_in_files = ()
    evaluates_best = True
    input_decisions = (
        "records.max_seq_length",
        "records.num_records",
        "records.fingerprint",
        "init_checkpoint.fingerprint",
    )

    def describe(self) -> dict[str, Any]:
        """Nothing beyond the settings."""
        return {}

    def score(self, split: str, predictions: Predictions) -> Mapping[str, float | None]:
        """The objective's own metrics say everything."""
        return {}

    def finish(self, split, results, predictions, output_dir) -> None:
        """Writes nothing more."""
