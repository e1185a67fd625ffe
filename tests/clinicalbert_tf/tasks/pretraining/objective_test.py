"""The objective against cases counted by hand."""

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.tasks.pretraining.objective import PretrainingObjective
from clinicalbert_tf.training.objective import ENGINE_SUMS, batch_sums

LOG_2 = float(np.log(2.0))


def batch(example_weights=None):
    """Two examples, two predictions each; the second one's last prediction is padding."""
    features = {
        "padding_mask": tf.constant([[1, 1, 1], [1, 1, 0]]),
        "masked_lm_ids": tf.constant([[0, 1], [1, 0]]),
        "masked_lm_weights": tf.constant([[1.0, 1.0], [1.0, 0.0]]),
        "next_sentence_labels": tf.constant([0, 1]),
    }
    if example_weights is not None:
        features["example_weights"] = tf.constant(example_weights)
    return features


# Probabilities: masked words (1/2, 1/2), (1/4, 3/4); (1/2, 1/2), (3/4, 1/4).
# Next sentences: (3/4, 1/4) and (3/4, 1/4).
OUTPUTS = {
    "mlm_logits": tf.math.log([[[0.5, 0.5], [0.25, 0.75]], [[0.5, 0.5], [0.75, 0.25]]]),
    "nsp_logits": tf.math.log([[0.75, 0.25], [0.75, 0.25]]),
}


def totals(objective, sums):
    """The sums by name, with those that the engine adds for two examples."""
    names = (*objective.sum_names, *ENGINE_SUMS)
    values = np.concatenate([sums, batch_sums(batch())])
    return dict(zip(names, values.astype(np.float64), strict=True))


def test_loss_is_weighted_by_predictions_and_averaged_over_examples():
    objective = PretrainingObjective()
    counts = objective.normalizers(batch())
    assert counts.numpy().tolist() == [3.0, 2.0]
    loss, sums = objective.loss_and_sums(OUTPUTS, batch(), counts)
    masked_lm = 2 * LOG_2 - np.log(0.75)
    next_sentence = -np.log(0.75) - np.log(0.25)
    assert float(loss) == pytest.approx(masked_lm / (3 + 1e-5) + next_sentence / 2, rel=1e-6)
    # Ties go to class 0: right for the first masked word, wrong for the third.
    np.testing.assert_allclose(sums, [masked_lm, 2, 3, next_sentence, 1], rtol=1e-6)
    metrics = objective.metrics(totals(objective, sums))
    assert metrics["masked_lm_loss"] == pytest.approx(masked_lm / (3 + 1e-5))
    assert metrics["masked_lm_accuracy"] == pytest.approx(2 / (3 + 1e-5))
    assert metrics["next_sentence_loss"] == pytest.approx(next_sentence / 2)
    assert metrics["next_sentence_accuracy"] == pytest.approx(0.5)
    assert metrics["loss"] == pytest.approx(float(loss))


def test_shares_divide_by_the_global_counts():
    objective = PretrainingObjective()
    alone, _ = objective.loss_and_sums(OUTPUTS, batch(), objective.normalizers(batch()))
    share, _ = objective.loss_and_sums(OUTPUTS, batch(), 2 * objective.normalizers(batch()))
    assert float(share) == pytest.approx(float(alone) / 2, rel=1e-5)


def test_weightless_examples_count_nowhere():
    objective = PretrainingObjective()
    features = batch(example_weights=[1.0, 0.0])
    assert objective.normalizers(features).numpy().tolist() == [2.0, 1.0]
    _, sums = objective.loss_and_sums(OUTPUTS, features, objective.normalizers(features))
    expected = [LOG_2 - np.log(0.75), 2, 2, -np.log(0.75), 1]
    np.testing.assert_allclose(sums, expected, rtol=1e-6)
    np.testing.assert_array_equal(batch_sums(features), [1, 3, 3])


def test_batch_without_any_prediction_has_a_finite_loss():
    features = batch() | {"masked_lm_weights": tf.zeros([2, 2])}
    objective = PretrainingObjective()
    loss, sums = objective.loss_and_sums(OUTPUTS, features, objective.normalizers(features))
    assert np.isfinite(float(loss))
    assert objective.metrics(totals(objective, sums))["masked_lm_loss"] == 0.0


def test_masked_words_alone_leave_the_next_sentence_out_of_loss_sums_and_metrics():
    objective = PretrainingObjective("mlm")
    logits = {name: tf.Variable(values) for name, values in OUTPUTS.items()}
    with tf.GradientTape() as tape:
        loss, sums = objective.loss_and_sums(logits, batch(), objective.normalizers(batch()))
    masked_lm = 2 * LOG_2 - np.log(0.75)
    assert float(loss) == pytest.approx(masked_lm / (3 + 1e-5), rel=1e-6)
    np.testing.assert_allclose(sums, [masked_lm, 2, 3], rtol=1e-6)
    assert len(sums) == len(objective.sum_names)
    gradients = tape.gradient(loss, logits)
    assert gradients["nsp_logits"] is None and np.abs(gradients["mlm_logits"]).sum() > 0
    metrics = objective.metrics(totals(objective, sums))
    assert set(metrics) == {"loss", "masked_lm_loss", "masked_lm_accuracy"}
    assert metrics["loss"] == pytest.approx(float(loss))


def test_masked_words_alone_train_neither_pooler_nor_next_sentence_head():
    names = ["bert/pooler/dense/kernel", "cls/seq_relationship/output_bias"]
    others = ["bert/embeddings/word_embeddings", "cls/predictions/output_bias"]
    assert not any(map(PretrainingObjective("mlm").trains, names))
    assert all(map(PretrainingObjective("mlm").trains, others))
    assert all(map(PretrainingObjective().trains, names + others))


def test_unknown_objective_is_refused():
    with pytest.raises(ValueError, match=r"mlm_nsp, mlm, received 'nsp'\. Give .*--objective"):
        PretrainingObjective("nsp")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
