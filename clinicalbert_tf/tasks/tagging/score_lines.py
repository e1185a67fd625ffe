"""What metrics.json says of each part, in lines for people."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from clinicalbert_tf.tasks.tagging.results import METRICS_NAME

_PHI_MEASURES = ("strict", "relaxed", "token", "binary_token", "hipaa_strict")


def score_lines(output_dir: str) -> Iterator[str]:
    """Yields a line per part and kind of score of a run's metrics.json."""
    path = os.path.join(output_dir, METRICS_NAME)
    with open(path, encoding="utf-8") as file:
        metrics = json.load(file)
    for part, scores in metrics.items():
        yield f"{part}: exact F1 {scores['exact']['f1']:.4f} ({path})"
        if "i2b2_2012" in scores:
            yield f"{part}: {_event_line(scores['i2b2_2012'])}"
        if "phi" in scores:
            yield f"{part}: {_phi_line(scores['phi'])}"
            yield f"{part}: {_privacy_line(scores['phi'])}"


def _event_line(scores: Mapping[str, Any]) -> str:
    return (
        f"organisers' events: overlap F1 {scores['overlap']['f1']:.4f}, exact F1 "
        f"{scores['exact']['f1']:.4f}, partial F1 {scores['partial']['f1']:.4f}, type accuracy "
        f"{scores['type_accuracy']:.4f}"
    )


def _phi_line(scores: Mapping[str, Any]) -> str:
    figures = [
        f"{name.replace('_', ' ')} F1 {scores[name]['f1']:.4f}"
        for name in _PHI_MEASURES
        if name in scores
    ]
    return "organisers' PHI: " + ", ".join(figures)


def _privacy_line(scores: Mapping[str, Any]) -> str:
    privacy = scores["privacy"]
    recall = "undefined" if privacy["recall"] is None else f"{privacy['recall']:.4f}"
    missed = len(privacy["documents_with_a_miss"])
    return (
        f"private data: recall {recall}, {missed} of {scores['documents']} {scores['scored_by']}s "
        f"with a miss, {privacy['characters_left']} characters left, "
        f"{privacy['misses_per_1000_words'] or 0:.2f} misses per 1,000 words"
    )
