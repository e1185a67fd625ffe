"""What can be known about a TPU without one: the whole step compiles, all shapes are static."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.dataset import (
    RecordOrder,
    evaluation_batches,
    training_batches,
)
from clinicalbert_tf.input_pipeline.record_source import find_records
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.tasks.pretraining.objective import PretrainingObjective
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.training import step
from clinicalbert_tf.training.cluster.strategy import build_strategy
from clinicalbert_tf.training.cluster.tpu import advise_precision
from clinicalbert_tf.training.updates import optimizer
from clinicalbert_tf.training.updates.update_rules import build_optimizer

BATCH = 4
STEPS = 3
# Dropout too: its masks have to be the same in and out of the compiler.
CONFIG = BertConfig(
    vocab_size=1200,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=128,
    type_vocab_size=2,
    hidden_dropout_prob=0.1,
    attention_probs_dropout_prob=0.1,
)
VARIANTS = {
    "float32": {},
    "bfloat16": {"precision": "mixed_bfloat16"},
    "everything": {
        "precision": "mixed_bfloat16",
        "optimizer": "lamb",
        "gradient_accumulation_steps": 2,
        "recompute": True,
    },
}


def make_stepper(changes):
    settings = PretrainingSettings(
        input_file="-", output_dir="-", learning_rate=1e-3, num_warmup_steps=0, **changes
    )
    keras.utils.set_random_seed(1)
    strategy = build_strategy("one_device")
    with strategy.scope():
        model = build_pretraining_model(
            CONFIG, dtype=settings.precision, recompute=settings.recompute
        )
        rule = build_optimizer(settings, model, PretrainingObjective())
    parts = settings.gradient_accumulation_steps
    return step.Stepper(strategy, model, PretrainingObjective(), rule, seed=2, parts=parts)


def as_on_a_tpu(monkeypatch, changes):
    """A stepper without compiled kernels inside: a TPU compiles the whole step."""
    monkeypatch.setattr(step, "compiler_for", lambda strategy: None)
    monkeypatch.setattr(optimizer, "compiler_for", lambda strategy: None)
    return make_stepper(changes)


def run_step(stepper, replica_step, **options):
    """What strategy.run runs, as a function of a batch."""
    return tf.function(
        lambda batch: stepper.strategy.run(replica_step, args=(batch,)), autograph=False, **options
    )


@pytest.fixture(scope="module")
def batches(golden_records):
    dataset = training_batches(find_records(golden_records), RecordOrder(seed=3), BATCH)
    return list(dataset.take(STEPS))


def assert_static(hlo):
    # A dimension that is bounded but not fixed is written f32[<=4].
    assert "f32[" in hlo
    assert "<=" not in hlo and "set-dimension-size" not in hlo
    # Calls of a library of this machine's processor, and numbers that no TPU computes with.
    assert "custom-call" not in hlo
    assert not re.search(r"\b(f64|c64|c128)\[", hlo)


@pytest.mark.large
@pytest.mark.parametrize("variant", VARIANTS)
def test_whole_step_compiles_and_gives_the_same_numbers(monkeypatch, batches, variant):
    changes = VARIANTS[variant]
    plain = make_stepper(changes)
    uncompiled = run_step(plain, plain._train_replica)
    expected = [uncompiled(batch).numpy() for batch in batches]
    stepper = as_on_a_tpu(monkeypatch, changes)
    before = flat(stepper)
    compiled = run_step(stepper, stepper._train_replica, jit_compile=True)
    assert_static(compiled.experimental_get_compiler_ir(batches[0])(stage="hlo"))
    rows = [compiled(batch).numpy() for batch in batches]
    exact = changes.get("precision") is None
    np.testing.assert_allclose(rows, expected, rtol=1e-5 if exact else 2e-2, atol=1e-4)
    assert int(stepper.optimizer.step.numpy()) == STEPS
    way = np.linalg.norm(flat(plain) - before)
    assert way > 0.1
    assert np.linalg.norm(flat(stepper) - flat(plain)) < (1e-3 if exact else 0.1) * way


def flat(stepper):
    return np.concatenate([value.numpy().ravel() for value in stepper.optimizer.variables])


@pytest.mark.large
def test_evaluation_compiles_and_gives_the_same_numbers(monkeypatch, golden_records):
    source = find_records(golden_records)
    batch = next(iter(evaluation_batches(source, BATCH, 1)))
    plain = make_stepper({})
    expected = run_step(plain, plain._evaluate_replica)(batch)
    stepper = as_on_a_tpu(monkeypatch, {})
    compiled = run_step(stepper, stepper._evaluate_replica, jit_compile=True)
    assert_static(compiled.experimental_get_compiler_ir(batch)(stage="hlo"))
    np.testing.assert_allclose(compiled(batch).numpy(), expected.numpy(), rtol=1e-5)


def test_every_shape_of_the_step_is_known_before_it_runs(monkeypatch, batches):
    stepper = as_on_a_tpu(monkeypatch, VARIANTS["bfloat16"])
    # From the pipeline's own specification, as a distributed iterator traces it.
    spec = {name: tf.TensorSpec.from_tensor(value) for name, value in batches[0].items()}
    graph = run_step(stepper, stepper._train_replica).get_concrete_function(spec).graph
    tensors = list(all_tensors(graph))
    assert len(tensors) > 500
    unknown = [tensor.name for tensor in tensors if not tensor.shape.is_fully_defined()]
    assert not unknown


def all_tensors(graph):
    """What every op computes, those of the functions called included."""
    for op in graph.get_operations():
        if op.type == "BroadcastGradientArgs":
            # Lists of axes, which a compiler works out from the shapes that it knows.
            continue
        yield from (output for output in op.outputs if output.dtype != tf.resource)
        for name in (value.func.name for value in op.node_def.attr.values()):
            if name:
                yield from all_tensors(graph._get_function(name).graph)


@pytest.mark.parametrize("replicas", [1, 2])
def test_pipelines_give_batches_of_one_known_shape(golden_records, replicas):
    source = find_records(golden_records)
    context = tf.distribute.InputContext(num_replicas_in_sync=replicas)
    for dataset in (
        training_batches(source, RecordOrder(), BATCH, context=context),
        # 948 records: the last batch is a partial one, filled up.
        evaluation_batches(source, 100, 10, context),
    ):
        for name, spec in dataset.element_spec.items():
            assert spec.shape.is_fully_defined(), name
            assert spec.dtype in (tf.int32, tf.float32), name


def test_masked_features_have_the_manifests_lengths(golden_records):
    spec = training_batches(find_records(golden_records), RecordOrder(), BATCH).element_spec
    assert spec["token_ids"].shape == [BATCH, 128]
    assert spec["masked_lm_ids"].shape == [BATCH, 22]


def test_other_precisions_than_bfloat16_are_advised_against(caplog):
    advise_precision("mixed_bfloat16")
    assert not caplog.records
    advise_precision("float32")
    assert "--precision=float32 costs" in caplog.text
    assert "--precision=mixed_bfloat16" in caplog.text


def test_length_buckets_are_refused():
    with pytest.raises(ValueError, match="a TPU needs batches of one shape"):
        PretrainingSettings(input_file="-", output_dir="-", strategy="tpu", length_buckets=8)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
