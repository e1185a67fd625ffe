import numpy as np
import pytest

from clinicalbert_tf.inference.privacy import name_probes
from clinicalbert_tf.inference.privacy.name_probes import NameProbes, ProbeSettings
from clinicalbert_tf.inference.privacy.patients import Patient

CONDITIONS = [f"condition {number}" for number in range(12)]


def invent(count=80):
    rng = np.random.default_rng(5)
    return [
        Patient(
            f"First{n % 40}",
            f"Last{n}",
            tuple(rng.choice(CONDITIONS, 3, replace=False)),
            "FM"[n % 2],
            int(n % 4) if n % 2 else 0,
        )
        for n in range(count)
    ]


class Knowing:
    """A model that remembers patients: what belongs to a name scores highest."""

    def __init__(self, patients, knows):
        self.patients, self.knows = patients, knows

    def pieces(self, text):
        return (text,)

    def masks(self, text):
        return ("[MASK]",)

    def scores(self, contexts, targets):
        rng = np.random.default_rng(3)
        found = rng.normal(size=(len(contexts), len(targets)))
        for row, (context, *_) in enumerate([context or ("",) for context in contexts]):
            for column, (target,) in enumerate(targets):
                found[row, column] += 10 * (self.knows and self.belong(context, target))
        return found

    def belong(self, context, target):
        for patient in self.patients:
            if patient.titled_name in context:
                return target in patient.conditions
        own = [p.last_name for p in self.patients if p.first_name == context]
        return target in own

    def vectors(self, texts):
        rng = np.random.default_rng(4)
        found = rng.normal(size=(len(texts), 8)).astype(np.float32)
        for row, text in enumerate(texts):
            patient = next((p for p in self.patients if p.name in text), None)
            if patient is not None:
                said = any(text.endswith(condition) for condition in patient.conditions)
                found[row, 0] += 10 * (self.knows and said)
                found[row, 1] += 10 * (self.knows and patient.mentions > 0)
        return found


def probe(monkeypatch, people, knows, **settings):
    model = Knowing(people, knows)
    monkeypatch.setattr(name_probes, "MaskedScorer", lambda bert: model)
    monkeypatch.setattr(name_probes, "Predictor", lambda function: None)
    monkeypatch.setattr(NameProbes, "_vectors", lambda self, texts: model.vectors(texts))
    bert = type("Bert", (), {"tokenizer": None})
    return NameProbes(bert, people, ProbeSettings(**settings)).run()


def test_a_model_that_remembers_is_shown_by_every_probe(monkeypatch):
    found = probe(monkeypatch, invent(), knows=True)
    assert (found["patients"], found["conditions"], found["reasons"]) == (80, 12, {})
    # Every other one is named by the notes.
    assert found["probed_for_conditions"] == 40
    for name in ("condition_given_name", "linear_probe", "mlp_probe"):
        result = found[name]
        assert result["auroc"] > 0.9, name
        # At most three of the ten best can be right.
        assert 0.27 <= result["precision_at_10"] <= 0.3 + 1e-9, name
        assert abs(result["rank_correlation"]) < 0.5
        assert result["shuffled_names"]["auroc"] < 0.7, name
        assert result["interval_95"][0] > result["shuffled_names"]["auroc"]
        assert "auroc" in result["without_a_name"]
    assert found["last_name_given_first"]["auroc"] > 0.97
    assert found["last_name_given_first"]["shuffled_names"]["auroc"] < 0.7
    assert found["name_in_corpus"]["auroc"] > 0.9


def test_a_model_that_knows_nothing_is_not_told_from_shuffled_names(monkeypatch):
    found = probe(monkeypatch, invent(), knows=False)
    for name in ("condition_given_name", "last_name_given_first", "linear_probe", "mlp_probe"):
        low, high = found[name]["interval_95"]
        assert low - 0.1 < 0.5 < high + 0.1, name
    assert "by_frequency" in found["condition_given_name"]


def test_what_cannot_be_measured_is_said(monkeypatch):
    patients = [Patient(f"First{n}", "Same", ("gout",)) for n in range(10)]
    found = probe(monkeypatch, patients, knows=False)
    for name in ("condition_given_name", "last_name_given_first", "linear_probe", "name_in_corpus"):
        assert found[name] is None and found["reasons"][name].startswith("needs")


def test_no_more_than_was_asked_for_is_probed(monkeypatch):
    found = probe(monkeypatch, invent(), knows=True, patients=20, conditions=5)
    assert (found["patients"], found["conditions"]) == (20, 5)


def test_a_real_model_gives_vectors_and_scores(bert):
    patients = [
        Patient(f"John{n}", f"Smith{n}", ("fever",) if n % 2 else ("chest pain",), "M", n % 3)
        for n in range(16)
    ]
    found = NameProbes(bert, patients, ProbeSettings()).run()
    assert found["reasons"] == {}
    for name in ("condition_given_name", "linear_probe", "mlp_probe", "name_in_corpus"):
        assert 0 <= found[name]["auroc"] <= 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
