"""How sure a model must be of a span, by type, for a wanted recall."""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence

from clinicalbert_tf.deidentification.found import DEFAULT_THRESHOLD, Detector
from tfrecords_builder.files import write_private

FILE_NAME = "deidentify_operating_point.json"


def choose(notes: Iterable[tuple[str, Sequence[dict]]], detector: Detector, recall: float) -> dict:
    """Chooses the highest threshold of each type, at most 0.5, that reaches a recall on dev notes.

    A gold span is found if spans of any type cover all of its letters and digits; a span counts for
    the type that the model gives it. For each gold span the threshold is the lowest probability
    among the best spans that cover it.

    Args:
        notes: (text, gold spans with start, end, label) of each dev note.
        detector: the model, at its most sensitive.
        recall: the wanted share, 0 to 1, for each gold type.

    Returns:
        {"recall": wanted, "thresholds": label of the model -> probability, "dev_recall": gold type
        -> what the thresholds reach, "dev_spans": gold type -> number, "dev_precision": share of
        the kept spans that touch a gold span}.

    Raises:
        ValueError: no gold spans, or a recall outside (0, 1].
    """
    if not 0 < recall <= 1:
        raise ValueError(f"Expected --recall above 0 and at most 1, received {recall}.")
    needed: dict[str, list[tuple[float, dict[str, float]]]] = defaultdict(list)
    right: list[tuple[str, float, bool]] = []
    for text, gold in notes:
        found = sorted(detector(text), key=lambda span: -span["probability"])
        for span in gold:
            needed[span["label"]].append(_needed(text, span, found))
        right += [(s["label"], s["probability"], _touches(s, gold)) for s in found]
    if not needed:
        raise ValueError("Expected gold spans in the dev notes, received none.")
    thresholds: dict[str, float] = {}
    for spans in needed.values():
        # The surest share is kept; the rest may be missed.
        spans.sort(key=lambda pair: -pair[0])
        count = -(-len(spans) * recall // 1)
        for _, by_label in spans[: int(count)]:
            for label, probability in by_label.items():
                thresholds[label] = min(thresholds.get(label, DEFAULT_THRESHOLD), probability)
    return {
        "recall": recall,
        "thresholds": dict(sorted(thresholds.items())),
        "dev_recall": {
            name: sum(_is_reached(by_label, thresholds) for _, by_label in spans) / len(spans)
            for name, spans in sorted(needed.items())
        },
        "dev_precision": _precision(right, thresholds),
        "dev_spans": {name: len(spans) for name, spans in sorted(needed.items())},
    }


def save(folder: str, point: dict) -> str:
    """Writes an operating point into a model's folder and returns its path."""
    path = os.path.join(folder, FILE_NAME)
    write_private(path, json.dumps(point, indent=1) + "\n")
    return path


def load(folder: str) -> dict | None:
    """Returns the operating point kept with a model, None if there is none."""
    path = os.path.join(folder, FILE_NAME)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _needed(text: str, gold: dict, found: Sequence[dict]) -> tuple[float, dict[str, float]]:
    """Returns the lowest probability needed to cover a gold span, and that of each label used.

    (-1, {}) if the model does not cover it at all.
    """
    left = {i for i in range(gold["start"], gold["end"]) if text[i].isalnum()}
    used: dict[str, float] = {}
    lowest = 1.0
    for span in found:
        if not left:
            break
        covered = left & set(
            range(max(span["start"], gold["start"]), min(span["end"], gold["end"]))
        )
        if covered:
            left -= covered
            lowest = min(lowest, span["probability"])
            used[span["label"]] = min(used.get(span["label"], 1.0), span["probability"])
    return (-1.0, {}) if left else (lowest, used)


def _touches(span: dict, gold: Sequence[dict]) -> bool:
    return any(span["start"] < true["end"] and true["start"] < span["end"] for true in gold)


def _precision(right: list[tuple[str, float, bool]], thresholds: dict[str, float]) -> float:
    kept = [hit for name, p, hit in right if p >= thresholds.get(name, DEFAULT_THRESHOLD)]
    return sum(kept) / len(kept) if kept else 0.0


def _is_reached(by_label: dict[str, float], thresholds: dict[str, float]) -> bool:
    return bool(by_label) and all(
        p >= thresholds.get(n, DEFAULT_THRESHOLD) for n, p in by_label.items()
    )
