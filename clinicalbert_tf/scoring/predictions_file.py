"""Predictions of a classification as JSON lines: {"id", "label", "predicted", "probabilities"}."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from clinicalbert_tf.metrics.classification import Rows
from clinicalbert_tf.scoring.lines import parse_json, read_text_lines

# Files of others round their probabilities; a larger gap is no distribution.
_SUM_TOLERANCE = 0.02


@dataclass
class Predictions:
    """What a predictions file holds.

    Attributes:
        path: the file.
        ids: the "id" of each row as text, its line number if it has none.
        gold, predicted: for each row a label, a tuple of labels (multi) or a number (regression).
        probabilities: float array [rows, labels] in the order of `probability_labels`, or None.
        probability_labels: the keys of "probabilities".
        groups: the value of the group's key in each row, or None.
    """

    path: str
    ids: list[str] = field(default_factory=list)
    gold: list = field(default_factory=list)
    predicted: list = field(default_factory=list)
    probabilities: np.ndarray | None = None
    probability_labels: tuple[str, ...] = ()
    groups: list[str] | None = None

    @property
    def is_multi(self) -> bool:
        return bool(self.gold) and isinstance(self.gold[0], tuple)


def read_predictions(path: str, regression: bool = False, group: str | None = None) -> Predictions:
    """Reads a predictions file.

    Args:
        path: JSON lines, plain or .gz. "label" is a string, or a list of strings (multi-label),
            "predicted" in the same form (may be missing if there are probabilities of one label per
            row: the most probable one counts), "probabilities" an object label -> number. JSON
            integers and true/false are read as their text if all labels are.
        regression: "label" and "predicted" are numbers.
        group: a further key, e.g. "patient_id", for intervals by group.

    Raises:
        ValueError: a line that is not such an object (file and line are named), labels of several
            JSON types, or no rows.
    """
    result = Predictions(path, groups=[] if group else None)
    kinds: dict[str, int] = {}
    table = _Probabilities(path)
    for where, row in _objects(path):
        result.ids.append(str(row.get("id", len(result.ids) + 1)))
        if regression:
            result.gold.append(_number(row, "label", where))
            result.predicted.append(_number(row, "predicted", where))
        else:
            result.gold.append(_labels(row, "label", where, kinds))
            best = table.add(row.get("probabilities"), where)
            if "predicted" in row:
                result.predicted.append(_labels(row, "predicted", where, kinds))
            elif best is None or isinstance(result.gold[-1], tuple):
                raise ValueError(f'{where}: expected a key "predicted", received none.')
            else:
                result.predicted.append(best)
            forms = {
                isinstance(v, tuple)
                for v in (result.gold[0], result.gold[-1], result.predicted[-1])
            }
            if len(forms) > 1:
                raise ValueError(
                    f"{where}: expected one label or a list of labels in all rows, received both."
                )
        if group:
            if group not in row:
                raise ValueError(f"{where}: expected a key {group!r} for --group, received none.")
            result.groups.append(str(row[group]))
    if not result.ids:
        raise ValueError(f"Expected at least one row in {path}, received none.")
    _check_kinds(kinds, path)
    result.probabilities, result.probability_labels = table.finish(len(result.ids))
    if result.probabilities is not None and not regression and not result.is_multi:
        _check_sums(result.probabilities, path)
    return result


def as_rows(predictions: Predictions, labels: tuple[str, ...] | None = None) -> Rows:
    """Returns single-label predictions as class indices.

    Args:
        predictions: with one label per row.
        labels: all classes; by default those of the probabilities, or those that occur, sorted.

    Raises:
        ValueError: a label that is none of the classes; line and label are named.
    """
    known = labels or predictions.probability_labels
    if not known:
        known = tuple(sorted({*predictions.gold, *predictions.predicted}))
    index = {label: i for i, label in enumerate(known)}
    sides = []
    for name, side in (("label", predictions.gold), ("predicted", predictions.predicted)):
        codes = np.fromiter((index.get(label, -1) for label in side), np.int64, len(side))
        unknown = np.flatnonzero(codes < 0)
        if len(unknown):
            row = int(unknown[0])
            raise ValueError(
                f"{predictions.path}, row {row + 1}: {name} {side[row]!r} is none of the known "
                f"classes {list(known)}."
            )
        sides.append(codes)
    probabilities = predictions.probabilities
    if probabilities is not None:
        order = [predictions.probability_labels.index(label) for label in known]
        probabilities = probabilities[:, order]
    return Rows(known, sides[0], sides[1], probabilities)


def as_matrices(predictions: Predictions) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Returns multi-label predictions: (labels, gold, predicted), bool arrays [rows, labels].

    Raises:
        ValueError: a label without a probability although others have one.
    """
    seen = {
        label
        for side in (predictions.gold, predictions.predicted)
        for some in side
        for label in some
    }
    labels = predictions.probability_labels or tuple(sorted(seen))
    unknown = sorted(seen - set(labels))
    if unknown:
        raise ValueError(
            f'{predictions.path}: expected only the labels of "probabilities", {list(labels)}, '
            f"received also {unknown}."
        )
    index = {label: i for i, label in enumerate(labels)}
    sides = []
    for side in (predictions.gold, predictions.predicted):
        matrix = np.zeros((len(side), len(labels)), bool)
        cells = [(i, index[label]) for i, some in enumerate(side) for label in some]
        if cells:
            matrix[tuple(np.array(cells).T)] = True
        sides.append(matrix)
    return labels, *sides


class _Probabilities:
    """Collects one probability per label and row; every row must have the same labels."""

    def __init__(self, path: str):
        self._path = path
        self._labels: tuple[str, ...] | None = None
        self._values: list[list[float]] = []

    def add(self, probabilities, where: str) -> str | None:
        """Adds a row (None: it has no probabilities); returns its most probable label."""
        if probabilities is None:
            return None
        if not isinstance(probabilities, dict) or not probabilities:
            raise ValueError(f'{where}: expected an object label -> number as "probabilities".')
        if self._labels is None:
            self._labels = tuple(probabilities)
        if probabilities.keys() != set(self._labels):
            raise ValueError(
                f"{where}: expected probabilities of {list(self._labels)}, received other labels."
            )
        values = [probabilities[label] for label in self._labels]
        if not all(type(v) in (float, int) and 0 <= v <= 1 for v in values):
            raise ValueError(f"{where}: expected probabilities from 0 to 1 only.")
        self._values.append(values)
        return self._labels[max(range(len(values)), key=values.__getitem__)]

    def finish(self, rows: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
        if self._labels is None:
            return None, ()
        if len(self._values) != rows:
            raise ValueError(
                f'{self._path}: expected "probabilities" in all {rows} rows or in none, received '
                f"{len(self._values)}."
            )
        # In order of the labels' text, so that two writers of the same rows give the same tables.
        order = sorted(range(len(self._labels)), key=self._labels.__getitem__)
        return np.array(self._values, np.float64)[:, order], tuple(self._labels[i] for i in order)


def _objects(path: str) -> Iterator[tuple[str, dict]]:
    for number, line in read_text_lines(path):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        row = parse_json(line, where)
        if not isinstance(row, dict):
            raise ValueError(f"{where}: expected a JSON object, received {type(row).__name__}.")
        yield where, row


def _labels(row: dict, key: str, where: str, kinds: dict[str, int]):
    if key not in row:
        raise ValueError(f"{where}: expected a key {key!r}, received none.")
    value = row[key]
    if isinstance(value, list):
        return tuple(_label(v, key, where, kinds) for v in value)
    return _label(value, key, where, kinds)


def _label(value, key: str, where: str, kinds: dict[str, int]) -> str:
    if isinstance(value, str):
        kind, text = "string", value
    elif isinstance(value, bool):
        kind, text = "true or false", str(value).lower()
    elif isinstance(value, int):
        kind, text = "integer", str(value)
    else:
        raise ValueError(
            f"{where}: expected {key!r} to be a string, received {type(value).__name__}. Numbers "
            "are scored with --problem_type=regression."
        )
    kinds.setdefault(kind, 0)
    kinds[kind] += 1
    return text


def _number(row: dict, key: str, where: str) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{where}: expected a number as {key!r}, received another value or none.")
    return float(value)


def _check_kinds(kinds: dict[str, int], path: str) -> None:
    if len(kinds) > 1:
        counts = ", ".join(f"{count} of JSON type {kind}" for kind, count in kinds.items())
        raise ValueError(
            f'{path}: expected labels of one JSON type, received {counts}. "1" and 1 are not '
            "joined: write all of them as strings."
        )


def _check_sums(probabilities: np.ndarray, path: str) -> None:
    wrong = np.flatnonzero(np.abs(probabilities.sum(axis=1) - 1) > _SUM_TOLERANCE)
    if len(wrong):
        raise ValueError(
            f"{path}, row {wrong[0] + 1}: expected probabilities that sum to 1, received "
            f"{probabilities[wrong[0]].sum():.4f} ({len(wrong)} such rows)."
        )
