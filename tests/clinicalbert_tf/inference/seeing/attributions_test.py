"""Integrated gradients: complete, and those of the label that was asked for."""

import numpy as np
import pytest

from clinicalbert_tf.inference.seeing.attributions import IntegratedGradients, merge_windows
from clinicalbert_tf.inference.seeing.windows import text_windows

TEXT = "The patient denies chest pain and fever. No sepsis, no cough."


@pytest.fixture(scope="module")
def window(tokenizer):
    return text_windows(tokenizer, TEXT, 32)[0]


def attribute(classifier, window, steps, label=1, multi=False):
    return IntegratedGradients(classifier, 0, multi, steps).attribute(window, label)


def test_completeness_gap_shrinks_with_the_steps(classifier, window):
    gaps = [abs(attribute(classifier, window, n).completeness_gap) for n in (2, 8, 64)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.05 > 0.01 > gaps[-1]


@pytest.mark.parametrize("multi", [False, True])
def test_score_and_probability_are_the_models(classifier, window, multi):
    found = attribute(classifier, window, 1, label=2, multi=multi)
    logits = np.asarray(classifier(window.inputs())["logits"][0], np.float64)
    softmax = np.exp(logits) / np.exp(logits).sum()
    expected = 1 / (1 + np.exp(-logits[2])) if multi else softmax[2]
    assert found.probability == pytest.approx(expected, abs=1e-6)
    assert found.score == pytest.approx(np.log(expected / (1 - expected)), abs=1e-5)


def test_special_tokens_and_padding_have_no_attribution(classifier, window):
    values = attribute(classifier, window, 4).values
    assert values[0] == values[-1] == 0
    assert (np.abs(values[1:-1]) > 0).all()


def test_label_that_is_asked_for_decides(classifier, window):
    labels = [attribute(classifier, window, 16, label=label).values for label in (0, 2)]
    assert not np.allclose(*labels, atol=0.1)


def test_windows_merge_to_the_whole_text(classifier, tokenizer):
    windows = text_windows(tokenizer, TEXT, 9)
    found = [attribute(classifier, window, 2) for window in windows]
    merged = merge_windows(windows, found)
    _, offsets = tokenizer.encode_with_offsets(TEXT)
    assert [(row["start"], row["end"]) for row in merged] == offsets
    assert len(windows) > 1 and merged[-1]["window"] == len(windows) - 1
    assert merged[0]["attribution"] == found[0].values[1]


def test_no_steps_are_refused(classifier):
    with pytest.raises(ValueError, match="at least 1"):
        IntegratedGradients(classifier, 0, steps=0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
