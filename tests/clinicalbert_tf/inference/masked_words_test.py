import pathlib

import numpy as np
import pytest

from clinicalbert_tf.inference.masked_words import MaskFiller, log_probabilities

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden"


@pytest.fixture(scope="module")
def filler(bert):
    return MaskFiller(bert)


def test_log_probabilities_equal_the_reference(bert):
    with np.load(GOLDEN / "tf1_checkpoint" / "expected_outputs.npz") as outputs:
        names = {
            "token_ids": "input_ids",
            "segment_ids": "segment_ids",
            "padding_mask": "input_mask",
            "mask_positions": "masked_lm_positions",
        }
        inputs = {name: outputs[f"input_{theirs}"] for name, theirs in names.items()}
        expected = outputs["masked_lm_log_probs"].reshape(16, 22, 1200)
    found = log_probabilities(bert.pretraining_model, inputs).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_each_mask_gets_its_most_probable_words(bert, filler):
    text = "Given [MASK] for pain, [MASK]ed and sent home."
    found = filler.fill(text, 4)
    tokenizer = bert.tokenizer
    ids = [tokenizer.cls_id, *tokenizer.encode("Given"), tokenizer.mask_id]
    ids += [*tokenizer.encode("for pain,"), tokenizer.mask_id]
    ids += [*tokenizer.encode("ed and sent home."), tokenizer.sep_id]
    positions = [place for place, row in enumerate(ids) if row == tokenizer.mask_id]
    outputs = bert.pretraining_model(
        {
            "token_ids": np.array([ids]),
            "segment_ids": np.zeros((1, len(ids)), int),
            "padding_mask": np.ones((1, len(ids)), int),
            "mask_positions": np.array([positions]),
        }
    )
    logits = np.array(outputs["mlm_logits"][0], np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert len(found) == len(positions) == 2
    for candidates, expected in zip(found, probabilities, strict=True):
        best = np.argsort(-expected)[:4]
        assert [c.token for c in candidates] == tokenizer.convert_ids_to_tokens(best.tolist())
        np.testing.assert_allclose([c.probability for c in candidates], expected[best], rtol=1e-4)


def test_all_probabilities_sum_to_one(filler):
    (candidates,) = filler.fill("[MASK]", 1200)
    assert sum(candidate.probability for candidate in candidates) == pytest.approx(1, abs=1e-5)


def test_many_texts_are_filled_as_each_alone_in_their_order(filler):
    texts = ["Sent [MASK].", "[MASK] and [MASK] for pain.", "No [MASK] was given.", "Sent [MASK]."]
    together = filler.fill_all(texts, 3)
    assert [len(masks) for masks in together] == [1, 2, 1, 1]
    for text, masks in zip(texts, together, strict=True):
        for candidates, alone in zip(masks, filler.fill(text, 3), strict=True):
            assert [c.token for c in candidates] == [c.token for c in alone]
            np.testing.assert_allclose(
                [c.probability for c in candidates], [c.probability for c in alone], atol=1e-5
            )


@pytest.mark.parametrize(
    ("text", "top_k", "message"),
    [
        ("Confidential pain", 5, "received one of 17 characters without it"),
        ("Confidential [mask]", 5, "Write .MASK., upper case"),
        ("Confidential " * 130 + "[MASK]", 5, "at most 128 tokens, the positions of this model"),
        ("Confidential [MASK]", 0, "top_k from 1 to 1200, .* received 0"),
        ("Confidential [MASK]", 1201, "received 1201"),
    ],
)
def test_what_cannot_be_filled_is_refused_without_showing_it(filler, text, top_k, message):
    with pytest.raises(ValueError, match=message) as caught:
        filler.fill(text, top_k)
    assert "Confidential" not in str(caught.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
