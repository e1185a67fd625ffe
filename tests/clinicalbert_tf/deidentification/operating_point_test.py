"""Thresholds for a wanted recall, by hand."""

import pytest

from clinicalbert_tf.deidentification import operating_point

TEXT = "Wilm Farr and Ann"


def span(start, end, probability, label="NAME"):
    return {"start": start, "end": end, "label": label, "probability": probability}


def notes(*probabilities):
    gold = {"start": 0, "end": 4, "label": "PATIENT"}
    found = {f"Wilm {i}": [span(0, 4, p)] if p else [] for i, p in enumerate(probabilities)}
    return [(text, [gold]) for text in found], found.get


def test_the_highest_threshold_that_reaches_the_recall():
    rows, detector = notes(0.45, 0.4, 0.3, 0.42)
    assert operating_point.choose(rows, detector, 0.75)["thresholds"] == {"NAME": 0.4}
    point = operating_point.choose(rows, detector, 1.0)
    assert point["thresholds"] == {"NAME": 0.3}
    assert point["dev_recall"] == {"PATIENT": 1.0}
    assert point["dev_spans"] == {"PATIENT": 4}


def test_what_the_model_never_finds_shows_in_the_recall():
    rows, detector = notes(0.9, None)
    point = operating_point.choose(rows, detector, 0.99)
    # A threshold is at most 0.5: the point never finds less than the model by itself.
    assert point["thresholds"] == {"NAME": 0.5}
    assert point["dev_recall"] == {"PATIENT": 0.5}


def test_a_gold_span_may_be_covered_by_several_spans():
    gold = [{"start": 0, "end": 9, "label": "PATIENT"}]
    found = [span(0, 4, 0.9), span(5, 9, 0.6, "LAST"), span(0, 9, 0.2)]
    point = operating_point.choose([(TEXT, gold)], lambda text: found, 1.0)
    assert point["thresholds"] == {"LAST": 0.5, "NAME": 0.5}
    assert point["dev_precision"] == 1.0


def test_precision_counts_the_spans_that_are_kept():
    gold = [{"start": 0, "end": 4, "label": "PATIENT"}]
    found = [span(0, 4, 0.3), span(5, 9, 0.3), span(10, 13, 0.2), span(14, 17, 0.4, "OTHER")]
    point = operating_point.choose([(TEXT, gold)], lambda text: found, 1.0)
    # OTHER was in no gold span: it keeps the default threshold of 0.5.
    assert point["dev_precision"] == 0.5


def test_it_is_kept_with_the_model(tmp_path):
    rows, detector = notes(0.9)
    point = operating_point.choose(rows, detector, 0.9)
    assert operating_point.load(str(tmp_path)) is None
    operating_point.save(str(tmp_path), point)
    assert operating_point.load(str(tmp_path)) == point


@pytest.mark.parametrize(("rows", "recall"), [([], 0.9), ([(TEXT, [])], 0.9), ([], 0), ([], 1.5)])
def test_bad_calls_are_refused(rows, recall):
    with pytest.raises(ValueError, match="Expected"):
        operating_point.choose(rows, lambda text: [], recall)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
