"""A classifier of texts and pairs in memory: what pipeline("classification", folder) returns."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.datasets.classification.examples import Example
from clinicalbert_tf.inference.classification.long_documents import document_voter
from clinicalbert_tf.inference.fine_tuned import FineTunedModel, load_fine_tuned
from clinicalbert_tf.inference.predictor import Predictor
from clinicalbert_tf.tasks.classification.decision import decision_of
from clinicalbert_tf.tasks.classification.results import prediction_rows
from clinicalbert_tf.texts.note_sections import section_spans, sections_only
from clinicalbert_tf.texts.pair_features import make_features

Text = str | tuple[str, str]


class Classifier:
    """Classifies texts, or pairs of texts, with the threshold and temperature of its training.

    Args:
        fine_tuned: a model with a classification head.

    Attributes:
        fine_tuned: the model and what belongs to it.
        decision: how logits become labels.
        is_pair: whether it was trained on pairs; None if its folder does not say.
        sections: the kinds of section that it reads of each text; () for whole texts.

    Raises:
        ValueError: the model has another head.
    """

    def __init__(self, fine_tuned: FineTunedModel):
        task = fine_tuned.task
        if task.head != "classifier":
            raise ValueError(
                f"{fine_tuned.source.path}: expected a classifier, received a {task.head}. Give "
                "the folder of a run of run_classifier."
            )
        self.fine_tuned = fine_tuned
        problem_type = task.problem_type or "single"
        labels = () if problem_type == "regression" else task.labels
        self.decision = decision_of(problem_type, labels, task.settings)
        self.is_pair: bool | None = task.settings.get("is_pair")
        self._features = task.settings.get("features", "corrected")
        self.sections: tuple[str, ...] = tuple(task.settings.get("sections") or ())
        self._voter = document_voter(fine_tuned, problem_type)
        with_vectors = self._voter is not None and self._voter.needs_vectors
        self._predictor = _predictor(fine_tuned.model, with_vectors)

    def __call__(self, texts: Text | Sequence[Text]) -> list[dict[str, Any]] | dict[str, Any]:
        """Classifies texts.

        Args:
            texts: a text or a pair (first, second), or a list of them.

        Returns:
            For each {"label": ..., "probabilities": {label: p}}; a list of labels for problem type
            "multi", {"number": x} for regression. One dict for one text.

        Raises:
            TypeError: something is neither a text nor a pair.
            ValueError: a pair where the model takes single texts, or the reverse.
        """
        if isinstance(texts, str) or _is_pair(texts):
            return self([texts])[0]
        firsts, seconds = self._divided(texts)
        probabilities = self.probabilities(firsts, seconds)
        examples = [Example("", "") for _ in firsts]
        rows = prediction_rows(examples, probabilities, self.decision)
        if self.decision.problem_type == "regression":
            return [{"number": row["predicted"]} for row in rows]
        return [{"label": row["predicted"], "probabilities": row["probabilities"]} for row in rows]

    def probabilities(self, texts_a: Sequence[str], texts_b: Sequence[str | None]) -> np.ndarray:
        """Probabilities, float64 [texts, labels]; predicted numbers [texts] for regression.

        Args:
            texts_a: the texts.
            texts_b: the second text of each, None for single texts.
        """
        if not texts_a:
            shape = (0,) if self.decision.problem_type == "regression" else (
                0, len(self.decision.labels),
            )  # fmt: skip
            return np.zeros(shape)
        if self.sections:
            texts_a = [sections_only(text, self.sections) for text in texts_a]
        if self._voter is not None:
            return self.decision.probabilities(self._voter.logits(self._predictor, texts_a))
        made = make_features(
            self.fine_tuned.tokenizer, texts_a, texts_b, self.fine_tuned.max_seq_length,
            self._features,
        )  # fmt: skip
        outputs = self._predictor.predict(
            [features.token_ids for features in made],
            [len(features) - int(features.segment_ids.sum()) for features in made],
        )
        return self.decision.probabilities(outputs["logits"])

    def lacks_sections(self, text: str) -> bool:
        """Whether a text has none of the sections that are read, so that it is read as empty."""
        return bool(self.sections) and not section_spans(text, self.sections)

    def check_pairs(self, is_pair: bool) -> None:
        """Refuses pairs for a model of single texts, and the reverse.

        Raises:
            ValueError: see above.
        """
        if self.is_pair is not None and is_pair != self.is_pair:
            kinds = ("single texts", "pairs (first, second)")
            raise ValueError(
                f"Expected {kinds[self.is_pair]}, as this model was trained on, received "
                f"{kinds[is_pair]}."
            )

    def _divided(self, texts: Sequence[Text]) -> tuple[list[str], list[str | None]]:
        firsts, seconds = [], []
        for place, text in enumerate(texts):
            if isinstance(text, str):
                firsts.append(text)
                seconds.append(None)
            elif _is_pair(text):
                firsts.append(text[0])
                seconds.append(text[1])
            else:
                raise TypeError(
                    f"Expected texts or pairs (first, second), received {type(text).__name__} at "
                    f"place {place}."
                )
        for is_pair in {second is not None for second in seconds}:
            self.check_pairs(is_pair)
        return firsts, seconds


def _predictor(model, with_vectors: bool) -> Predictor:
    if with_vectors:
        return Predictor(
            lambda inputs: {"vectors": model.backbone(inputs, training=False)["pooled_output"]}
        )
    return Predictor(lambda inputs: {"logits": model(inputs, training=False)["logits"]})


def load_classifier(folder: str | os.PathLike, do_lower_case: bool | None = None) -> Classifier:
    """Loads the classifier of a run's folder; see inference.fine_tuned.load_fine_tuned."""
    return Classifier(load_fine_tuned(folder, do_lower_case))


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, str) for v in value)
