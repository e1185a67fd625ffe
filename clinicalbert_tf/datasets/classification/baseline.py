"""The cheap classifier that a BERT must beat: TF-IDF and logistic regression, by scikit-learn.

Texts of a pair have features of their own, and what they share is a feature too: the cosine of
their TF-IDF vectors and the share of common words.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.datasets.classification.examples import Example

_STRENGTHS = (1.0, 10.0, 100.0)


@dataclasses.dataclass(frozen=True)
class BaselinePredictions:
    """What the baseline says.

    Attributes:
        probabilities: {split: float64 array [examples, labels]} (problem types "single" and
            "multi"), or {split: float64 array [examples]} of numbers for regression.
        strength: the inverse regularisation that was best on dev.
    """

    probabilities: dict[str, np.ndarray]
    strength: float


def fit_baseline(
    examples: dict[str, Sequence[Example]], labels: Sequence[str], problem_type: str
) -> BaselinePredictions:
    """Fits on train, chooses the regularisation on dev, and predicts dev and test.

    Args:
        examples: by split; "train" must be there. Without labelled dev examples the middle
            strength is taken.
        labels: all labels, in the order of their ids; () for regression.
        problem_type: "single", "multi" or "regression".

    Returns:
        Predictions of every split but train. A label that never occurs in train has probability 0.
    """
    features = {"train": None} | dict.fromkeys(examples)
    vectorizer = _PairVectorizer()
    features["train"] = vectorizer.fit(examples["train"])
    for name in examples:
        if name != "train":
            features[name] = vectorizer.transform(examples[name])
    targets = {name: _targets(rows, labels, problem_type) for name, rows in examples.items()}
    best = None
    with_dev = targets.get("dev") is not None
    for strength in _STRENGTHS if with_dev else _STRENGTHS[1:2]:
        model = _model(problem_type, strength)
        model.fit(features["train"], targets["train"])
        score = 0.0
        if with_dev:
            predicted = _predict(model, features["dev"], labels, problem_type)
            score = _dev_score(targets["dev"], predicted, problem_type)
        if best is None or score > best[0]:
            best = score, strength, model
    _, strength, model = best
    return BaselinePredictions(
        {
            name: _predict(model, features[name], labels, problem_type)
            for name in examples
            if name != "train"
        },
        strength,
    )


class _PairVectorizer:
    def __init__(self):
        from sklearn.feature_extraction.text import TfidfVectorizer

        # The recipe of the baselines in this field; one occurrence is noise in all but tiny sets.
        self._settings = {"ngram_range": (1, 2), "sublinear_tf": True, "max_features": 200_000}
        self._make = TfidfVectorizer
        self._first = self._second = None

    def fit(self, examples: Sequence[Example]):
        rare = 2 if len(examples) > 500 else 1
        texts = [e.text_a for e in examples]
        self._first = self._make(min_df=rare, **self._settings)
        if examples[0].text_b is None:
            return self._first.fit_transform(texts)
        self._second = self._make(min_df=rare, **self._settings)
        both = texts + [e.text_b or "" for e in examples]
        self._first.fit(both)
        self._second.fit([e.text_b or "" for e in examples])
        return self.transform(examples)

    def transform(self, examples: Sequence[Example]):
        import scipy.sparse

        first = self._first.transform([e.text_a for e in examples])
        if self._second is None:
            return first
        texts_b = [e.text_b or "" for e in examples]
        shared = self._first.transform(texts_b)
        cosine = np.asarray(first.multiply(shared).sum(axis=1))
        common = np.array([[_common_words(e.text_a, e.text_b or "")] for e in examples])
        dense = scipy.sparse.csr_matrix(np.hstack([cosine, common]))
        return scipy.sparse.hstack([first, self._second.transform(texts_b), dense]).tocsr()


def _common_words(first: str, second: str) -> float:
    first_words, second_words = set(first.lower().split()), set(second.lower().split())
    return len(first_words & second_words) / max(1, len(first_words | second_words))


def _model(problem_type: str, strength: float):
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    if problem_type == "regression":
        return Ridge(alpha=1 / strength)
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
    return OneVsRestClassifier(model) if problem_type == "multi" else model


def _targets(examples: Sequence[Example], labels: Sequence[str], problem_type: str):
    """Targets for scikit-learn, or None if an example has no label."""
    if any(example.label is None for example in examples):
        return None
    if problem_type == "regression":
        return np.array([example.label for example in examples], np.float64)
    places = {label: place for place, label in enumerate(labels)}
    if problem_type == "single":
        return np.array([places[example.label] for example in examples])
    matrix = np.zeros((len(examples), len(labels)), int)
    for row, example in enumerate(examples):
        matrix[row, [places[label] for label in example.label]] = 1
    return matrix


def _predict(model, features, labels: Sequence[str], problem_type: str) -> np.ndarray:
    if problem_type == "regression":
        return model.predict(features)
    made = model.predict_proba(features)
    if problem_type == "multi":
        return made
    probabilities = np.zeros((made.shape[0], len(labels)))
    probabilities[:, model.classes_] = made
    return probabilities


def _dev_score(targets: np.ndarray, predicted: np.ndarray, problem_type: str) -> float:
    from sklearn.metrics import f1_score

    if problem_type == "regression":
        return -float(np.mean((targets - predicted) ** 2))
    guesses = predicted > 0.5 if problem_type == "multi" else predicted.argmax(axis=1)
    return float(f1_score(targets, guesses, average="macro", zero_division=0))
