"""An audit of a pretrained model: does it know texts and secrets that it was trained on?"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.inference.perplexity import PerplexityScorer, PerplexitySettings
from clinicalbert_tf.inference.privacy.canaries import Canary
from clinicalbert_tf.inference.privacy.name_probes import NameProbes, ProbeSettings
from clinicalbert_tf.inference.privacy.patients import Patient
from clinicalbert_tf.metrics.intervals import intervals, ranking_of
from clinicalbert_tf.metrics.memorization import exposure, membership_auroc
from clinicalbert_tf.texts.rows import Row

_WITHOUT_OTHERS = "needs --others: notes like --notes that were not trained on"


@dataclasses.dataclass(frozen=True)
class AuditSettings:
    """How to audit.

    Attributes:
        max_seq_length: tokens per window.
        sample_tokens: wordpieces scored per note for membership; 0 for all.
        candidates: other secrets that each canary is ranked among.
        seed: of the draws.
        patients: patients probed at most.
        conditions: conditions probed at most, the most frequent ones.
    """

    max_seq_length: int = 128
    sample_tokens: int = 64
    candidates: int = 255
    seed: int = 12345
    patients: int = 500
    conditions: int = 50


class Auditor:
    """Measures a model.

    Args:
        bert: what clinicalbert_tf.from_pretrained returned, with its masked language model head.
        settings: how.
    """

    def __init__(self, bert, settings: AuditSettings):
        self._bert = bert
        self._settings = settings
        length = min(settings.max_seq_length, bert.config.max_position_embeddings)
        window = {"max_seq_length": length, "stride": max(1, (length - 2) // 2)}
        self._sampled = PerplexityScorer(
            bert, PerplexitySettings(**window, sample_tokens=settings.sample_tokens)
        )
        self._whole = PerplexityScorer(bert, PerplexitySettings(**window))

    def membership(self, members: Iterable[Row], others: Iterable[Row]) -> dict[str, Any]:
        """How well the loss tells notes of the training set from others.

        Args:
            members: notes that were trained on.
            others: notes like them that were not.

        Returns:
            "auroc", "interval_95" (notes drawn with replacement), "members" and "others" that were
            scored, and "without_words": notes of both that have nothing to score.
        """
        scored = [self._note_scores(rows) for rows in (members, others)]
        inside, outside = ([one for one in found if one is not None] for found in scored)
        targets = np.array([True] * len(inside) + [False] * len(outside))
        scores = np.array([*inside, *outside])
        value = membership_auroc(inside, outside)
        drawn = intervals({"auroc": ranking_of(targets, scores, "auroc")}, len(scores))
        return {
            "auroc": value,
            "interval_95": drawn["auroc"],
            "members": len(inside),
            "others": len(outside),
            "without_words": sum(found.count(None) for found in scored),
        }

    def canaries(self, canaries: Sequence[Canary]) -> dict[str, Any]:
        """The exposure of planted secrets.

        Returns:
            "exposure" (bits by id), "mean_exposure", "max_exposure", "most_possible" (bits).
        """
        found, most = {}, 0.0
        for canary in canaries:
            others = canary.candidates(self._settings.candidates, self._settings.seed)
            texts = [canary.text, *others]
            rows = [Row(str(number), text) for number, text in enumerate(texts)]
            scores = [score.log_likelihood for score in self._whole.score(rows)]
            found[canary.canary_id] = exposure(scores[0], scores[1:])
            most = max(most, float(np.log2(len(texts))))
        values = list(found.values())
        return {
            "exposure": found,
            "mean_exposure": float(np.mean(values)),
            "max_exposure": max(values),
            "most_possible": most,
        }

    def names(self, patients: Sequence[Patient]) -> dict[str, Any]:
        """The probes for names and conditions; see name_probes.NameProbes.run."""
        asked = self._settings
        settings = ProbeSettings(asked.patients, asked.conditions, asked.seed)
        return NameProbes(self._bert, patients, settings).run()

    def _note_scores(self, rows: Iterable[Row]) -> list[float | None]:
        """Mean log probability per wordpiece of each note; None for a note without one."""
        return [
            score.log_likelihood / score.scored_tokens if score.scored_tokens else None
            for score in self._sampled.score(rows)
        ]


def audit_model(
    auditor: Auditor,
    members: Iterable[Row] | None,
    others: Iterable[Row] | None,
    canaries: Sequence[Canary],
    patients: Sequence[Patient] = (),
) -> dict[str, Any]:
    """Everything that can be measured of a model.

    Args:
        auditor: of the model.
        members: notes that were trained on, or None.
        others: notes like them that were not, or None.
        canaries: planted secrets and controls, which may be none.
        patients: whose names and conditions are probed for, which may be none.

    Returns:
        {"membership", "canaries", "controls"} and the probes of `name_probes`, those that there is
        something for; "reasons" says why a measure is None.
    """
    found: dict[str, Any] = {}
    if members is not None and others is None:
        found = {"membership": None, "reasons": {"membership": _WITHOUT_OTHERS}}
    elif members is not None:
        found["membership"] = auditor.membership(members, others)
    for kind, planted in (("canaries", True), ("controls", False)):
        chosen = [canary for canary in canaries if canary.planted == planted]
        if chosen:
            found[kind] = auditor.canaries(chosen)
    if patients:
        probed = auditor.names(patients)
        found = {**found, **probed, "reasons": found.get("reasons", {}) | probed["reasons"]}
    return found
