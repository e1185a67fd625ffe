"""A metric that has no value on the given data, e.g. AUROC of one class."""

import math
from collections.abc import Callable, Mapping


class UndefinedMetricError(ValueError):
    """A metric that cannot be computed; the message is the reason."""


def evaluate(functions: Mapping[str, Callable[[], float]]) -> tuple[dict, dict[str, str]]:
    """Computes each metric, or says why it has no value.

    Args:
        functions: name -> function without arguments.

    Returns:
        (name -> number or None, name -> reason for each None).
    """
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name, function in functions.items():
        try:
            value = float(function())
            if not math.isfinite(value):
                raise UndefinedMetricError("the value is not finite")
            values[name] = value
        except UndefinedMetricError as error:
            values[name] = None
            reasons[name] = str(error)
    return values, reasons
