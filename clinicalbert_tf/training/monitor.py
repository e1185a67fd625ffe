"""Which result decides, and which scalars are shown."""

import dataclasses
import math
from collections.abc import Mapping

# Of a figure's key, what is written otherwise than in lower case.
_WRITTEN = {
    "auroc": "AUROC", "auprc": "AUPRC", "brier": "Brier", "ece": "ECE", "f1": "F1",
    "pearson": "Pearson", "rp80": "RP80", "spearman": "Spearman",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Monitor:
    """The result that decides which checkpoint is the best, and when to stop early.

    Attributes:
        metric: its name among an evaluation's results.
        higher_is_better: False for losses.
    """

    metric: str = "loss"
    higher_is_better: bool = False

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether a value beats the best one so far; NaN never does."""
        if math.isnan(value):
            return False
        if best is None:
            return True
        return value > best if self.higher_is_better else value < best

    def value(self, results: Mapping[str, float | None]) -> float:
        """The monitored value of an evaluation; NaN if it could not be computed.

        Raises:
            KeyError: the evaluation does not hold the metric at all.
        """
        value = results[self.metric]
        return math.nan if value is None else float(value)

    @property
    def words(self) -> str:
        """How messages call the metric."""
        return figure_words(self.metric)


def figure_words(figure: str) -> str:
    """A figure's key in results as it stands in messages and reports: "AUROC", "F1 macro"."""
    return " ".join(_WRITTEN.get(word, word) for word in figure.split("_"))


@dataclasses.dataclass(frozen=True)
class Shown:
    """A scalar that progress lines, TensorBoard's HParams tab and the report show.

    Attributes:
        tag: its name among the scalars.
        title: its heading in the report.
        format: "number", "percent" (of a fraction) or "short" (large counts).
        word: what the progress line calls it; "" leaves it out there.
    """

    tag: str
    title: str
    format: str = "number"
    word: str = ""


LOSS = Shown("loss", "Loss")
