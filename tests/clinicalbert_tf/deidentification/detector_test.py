"""A model of this software as a detector, with a stand-in for the pipeline."""

import json

import pytest

import clinicalbert_tf
from clinicalbert_tf.deidentification import detector
from clinicalbert_tf.deidentification.run import Settings, deidentify


class Tagger:
    """Finds "Wilm" surely and "Bruges" hardly, as a model does: the latter only if asked for."""

    asked = None

    def __call__(self, text, min_probability=None):
        self.asked = min_probability
        spans = [("Wilm", "PATIENT", 0.9), ("Bruges", "CITY", 0.3), ("from", "CITY", 0.1)]
        return [
            {"start": at, "end": at + len(word), "label": label, "probability": probability}
            for word, label, probability in spans
            if (at := text.find(word)) >= 0 and probability >= (min_probability or 0.5)
        ]


@pytest.fixture
def tagger(monkeypatch):
    made = Tagger()
    monkeypatch.setattr(clinicalbert_tf, "pipeline", lambda task, folder: made, raising=False)
    return made


def run(tmp_path, **settings):
    (tmp_path / "notes.jsonl").write_text(json.dumps({"text": "Wilm from Bruges"}) + "\n")
    report = deidentify(
        Settings(
            str(tmp_path / "notes.jsonl"), str(tmp_path / "clean.jsonl"), model="m", **settings
        )
    )
    return json.loads((tmp_path / "clean.jsonl").read_text())["text"], report


def test_without_an_operating_point_the_entities_count(tagger, tmp_path):
    text, report = run(tmp_path)
    assert text == "[**PATIENT**] from Bruges"
    assert tagger.asked is None
    assert report["found_by"] == "model and rules"


def test_thresholds_ask_for_less_likely_words_and_keep_the_likely_enough(tagger, tmp_path):
    text, _ = run(tmp_path, thresholds={"CITY": 0.2, "PATIENT": 0.6})
    assert text == "[**PATIENT**] from [**CITY**]"
    assert tagger.asked == 0.2


def test_a_function_without_that_argument_is_used_as_it_is(monkeypatch):
    monkeypatch.setattr(
        clinicalbert_tf, "pipeline", lambda task, folder: lambda text: [], raising=False
    )
    assert detector.load_detector("m", min_probability=0.0)("text") == []


def test_what_thresholds_need():
    assert detector.lowest(None) is None
    assert detector.lowest({}) == 0.5
    assert detector.lowest({"A": 0.7, "B": 0.01}) == 0.01


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
