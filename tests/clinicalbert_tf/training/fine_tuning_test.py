"""Settings of fine-tuning: steps from epochs, rates by layer."""

import pytest

from clinicalbert_tf.training.fine_tuning import FineTuningSettings, epochs_for, with_steps


def made(num_examples=1000, has_dev=True, **given):
    return FineTuningSettings(**with_steps({"output_dir": "out", **given}, num_examples, has_dev))


def test_steps_come_from_epochs_and_batch_size():
    settings = made(1000, num_train_epochs=3.0, train_batch_size=16)
    assert settings.num_train_steps == 188
    assert settings.num_warmup_steps == 18
    assert settings.eval_steps == settings.save_checkpoints_steps == 63


def test_steps_that_are_given_stay():
    settings = made(num_train_steps=50, num_warmup_steps=7, eval_steps=20)
    assert (settings.num_train_steps, settings.num_warmup_steps, settings.eval_steps) == (50, 7, 20)
    assert settings.save_checkpoints_steps == 32
    assert made(3, has_dev=False, num_train_epochs=1.0).eval_steps is None
    assert made(3, num_train_epochs=1.0).num_train_steps == 1


@pytest.mark.parametrize(
    ("examples", "epochs"), [(100, 10.0), (3000, 6.0), (11_000, 4.0), (400_000, 3.0)]
)
def test_small_sets_have_more_epochs(examples, epochs):
    assert epochs_for(examples) == epochs
    assert made(examples).num_train_epochs == epochs


def test_rates_by_layer():
    settings = made(layerwise_lr_decay=0.5)
    names = {
        "bert/embeddings/word_embeddings": 1 / 8,
        "bert/encoder/layer_0/output/dense/kernel": 1 / 4,
        "bert/encoder/layer_1/output/dense/kernel": 1 / 2,
        "bert/pooler/dense/kernel": 1.0,
        "output_weights": 1.0,
    }
    assert {name: settings.rate_factor(name, 2) for name in names} == names
    frozen = made(freeze_layers=1)
    assert [frozen.rate_factor(name, 2) for name in names] == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_update_rules_and_tpu():
    assert made().update_rule == "adamw"
    assert made(optimizer="reference").update_rule == "reference"
    assert made(strategy="tpu").length_buckets == 0
    with pytest.raises(ValueError, match="--optimizer"):
        made(optimizer="sgd")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
