"""Several runs of one task: finished ones are not repeated, figures are put together."""

import gc
import itertools
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.run_files import RECORD_NAME
from clinicalbert_tf.setting_fields import decisive_names, kind_of, settings_of


def run_all(
    runs: Mapping[str, Any],
    run: Callable[[Any], Mapping[str, Any]],
    finished: Callable[[Any], Mapping[str, Any] | None],
) -> dict[str, Mapping[str, Any]]:
    """Makes every run that is not finished yet.

    Args:
        runs: {name: settings}, each with an output_dir of its own.
        run: makes one run; one that was killed is resumed by its output_dir.
        finished: what a finished run has left, or None.

    Returns:
        {name: what the run gave}.
    """
    found = {}
    for name, settings in runs.items():
        left = finished(settings)
        if left is None:
            left = run(settings)
            _release_memory()
        found[name] = left
    return found


def made_with(settings) -> bool:
    """Whether the run in output_dir had the same decisive settings."""
    try:
        with open(os.path.join(settings.output_dir, RECORD_NAME), encoding="utf-8") as file:
            record = json.load(file)["settings"]
    except (OSError, ValueError, KeyError):
        return False
    names = decisive_names(type(settings))
    return all(record.get(name) == getattr(settings, name) for name in names)


def over_runs(values: Iterable[float | None]) -> dict[str, Any] | None:
    """Mean, standard deviation (n - 1), minimum and maximum; None without a value."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {
        "runs": len(known),
        "mean": float(np.mean(known)),
        "std": float(np.std(known, ddof=1)) if len(known) > 1 else 0.0,
        "min": float(np.min(known)),
        "max": float(np.max(known)),
        "values": [float(value) for value in known],
    }


def read_grid(path: str, settings_class) -> list[dict[str, Any]]:
    """The combinations of a sweep file.

    Args:
        path: a file of flags, one --NAME=A,B,... a line; # begins a comment.
        settings_class: the command's settings, whose fields may be named.

    Returns:
        One {name: value} for each combination, the last line's values varying fastest.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is not as above, or names no setting; names file and line.
    """
    known = settings_of(settings_class)
    values: dict[str, list[Any]] = {}
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected a file of flags for --sweep, found none at {path}."
        ) from None
    for number, line in enumerate(lines, start=1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, listed = line.removeprefix("--").partition("=")
        if name not in known or not line.startswith("--") or not listed:
            raise ValueError(
                f"{path}, line {number}: expected --NAME=VALUE,VALUE,... with a setting's name, "
                f"received {line!r}."
            )
        if name in values:
            raise ValueError(f"{path}, line {number}: expected each flag once, received {name}.")
        kind = kind_of(settings_class, name)
        try:
            values[name] = [_value(kind, part.strip()) for part in listed.split(",")]
        except ValueError:
            raise ValueError(
                f"{path}, line {number}: expected values of type {kind.__name__}, received "
                f"{listed!r}."
            ) from None
    if not values:
        raise ValueError(f"{path}: expected at least one line --NAME=VALUE,..., received none.")
    return [
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    ]


def run_name(choice: Mapping[str, Any]) -> str:
    """A folder's name for a combination: learning_rate=2e-05,train_batch_size=16."""
    return ",".join(f"{name}={value}" for name, value in choice.items()).replace("/", "_")


def as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as lines of tab-separated values, with a header."""
    lines = ["\t".join(rows[0])]
    lines += ["\t".join("" if v is None else str(v) for v in row.values()) for row in rows]
    return "\n".join(lines) + "\n"


def _value(kind: type, text: str) -> Any:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError
        return text.lower() == "true"
    return kind(text)


def _release_memory() -> None:
    import keras

    keras.utils.clear_session()
    gc.collect()
