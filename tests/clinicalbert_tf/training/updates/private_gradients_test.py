import keras
import numpy as np
import tensorflow as tf

from clinicalbert_tf.training.cluster.strategy import build_strategy
from clinicalbert_tf.training.step import Stepper
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, WarmupLinearDecay
from clinicalbert_tf.training.updates.private_gradients import PrivateGradients

EXAMPLES, LENGTH = 12, 3
RNG = np.random.default_rng(7)
INPUTS = RNG.normal(0, 1, (EXAMPLES, LENGTH)).astype(np.float32)
TARGETS = RNG.normal(0, 1, (EXAMPLES, 2)).astype(np.float32)
WEIGHTS = RNG.integers(1, 4, EXAMPLES).astype(np.float32)


class Squares:
    """Weighted squared errors of a linear model, divided by the weights of the global batch."""

    model_inputs = ("inputs",)
    sum_names = ("errors",)

    def normalizers(self, batch):
        return tf.reduce_sum(batch["weights"])[tf.newaxis]

    def loss_and_sums(self, outputs, batch, normalizers):
        errors = tf.reduce_sum(tf.square(outputs - batch["targets"]), axis=-1) * batch["weights"]
        total = tf.reduce_sum(errors)
        return total / normalizers[0], total[tf.newaxis]

    def trains(self, name):
        return name == "kernel"

    def metrics(self, totals):
        return {"loss": totals["errors"]}


class Recorder(AdamWeightDecay):
    """Keeps the gradient of the last step."""

    def apply(self, gradients):
        for kept, gradient in zip(self.kept, gradients, strict=True):
            kept.assign(gradient)
        return super().apply(gradients)


def make(strategy, privacy):
    keras.utils.set_random_seed(3)
    with strategy.scope():
        dense = keras.layers.Dense(2)
        inputs = keras.Input((LENGTH,), name="inputs")
        model = keras.Model({"inputs": inputs}, dense(inputs))
        variables = [("kernel", dense.kernel), ("frozen", dense.bias)]
        optimizer = Recorder(variables, WarmupLinearDecay(1e-2, 10, 0), clip_norm=1e9)
        optimizer.kept = [tf.Variable(tf.zeros_like(v)) for v in optimizer.variables]
    return Stepper(strategy, model, Squares(), optimizer, privacy=privacy)


def step(privacy, replicas=1):
    """The gradients that the optimizer was given, and what the step reported."""
    name = "one_device" if replicas == 1 else "mirrored"
    strategy = build_strategy(name, num_replicas=replicas)
    stepper = make(strategy, privacy)
    own = EXAMPLES // replicas
    features = {
        "inputs": INPUTS,
        "targets": TARGETS,
        "weights": WEIGHTS,
        "padding_mask": np.ones((EXAMPLES, LENGTH), np.int32),
    }

    def batches(context):
        return tf.data.Dataset.from_tensor_slices(features).batch(own, drop_remainder=True).repeat()

    iterator = iter(strategy.distribute_datasets_from_function(batches))
    row = stepper.train(iterator, 1)[0]
    report = dict(zip((*stepper.sum_names, *stepper.update_names), row, strict=True))
    kept = [strategy.experimental_local_results(v)[0].numpy() for v in stepper.optimizer.kept]
    return kept, report, stepper.model.get_weights()


def gradient_of(place, kernel, bias):
    """An example's own gradient, as a mean over the batch would have it."""
    error = INPUTS[place] @ kernel + bias - TARGETS[place]
    scale = EXAMPLES * WEIGHTS[place] / WEIGHTS.sum()
    return 2 * scale * np.outer(INPUTS[place], error), 2 * scale * error


def gradients_and_norms():
    """Every example's own gradients and their norms, before the first step."""
    keras.utils.set_random_seed(3)
    kernel, bias = make(build_strategy("one_device"), None).model.get_weights()
    gradients = [gradient_of(place, kernel, bias) for place in range(EXAMPLES)]
    return gradients, [np.sqrt((g**2).sum() + (b**2).sum()) for g, b in gradients]


class PrivateGradientsTest(tf.test.TestCase):
    def test_no_noise_and_a_huge_clip_are_plain_training(self):
        for replicas in (1, 2):
            plain = step(None, replicas)
            private = step(PrivateGradients(0.0, 1e9, EXAMPLES, 1), replicas)
            for ours, theirs in zip(
                (*private[0], *private[2]), (*plain[0], *plain[2]), strict=True
            ):
                self.assertAllClose(ours, theirs, rtol=0, atol=1e-6)
            self.assertEqual(private[1]["clipped_fraction"], 0)

    def test_every_example_is_clipped_on_its_own(self):
        gradients, norms = gradients_and_norms()
        clip = float(np.median(norms))
        expected = [
            sum(g[part] * min(1, clip / norm) for g, norm in zip(gradients, norms, strict=True))
            for part in (0, 1)
        ]
        for replicas in (1, 2):
            kept, report, _ = step(PrivateGradients(0.0, clip, EXAMPLES, 1), replicas)
            for ours, theirs in zip(kept, expected, strict=True):
                self.assertAllClose(ours, theirs / EXAMPLES, rtol=1e-4, atol=1e-6)
            self.assertAllClose(report["clipped_fraction"], np.mean(np.array(norms) > clip))

    def test_examples_computed_together_are_as_one_after_the_other(self):
        # A clip that some of the examples exceed; 5 is lowered to 4, so that pieces are equal.
        clip = float(np.median(gradients_and_norms()[1]))
        alone = step(PrivateGradients(0.0, clip, EXAMPLES, 1))
        for at_once in (2, 5, EXAMPLES):
            together = step(PrivateGradients(0.0, clip, EXAMPLES, 1, at_once))
            for ours, theirs in zip(together[0] + together[2], alone[0] + alone[2], strict=True):
                self.assertAllClose(ours, theirs, rtol=1e-6, atol=1e-6)
            self.assertAllClose(together[1], alone[1], rtol=1e-6)

    def test_pieces_are_equal_and_at_most_what_is_asked(self):
        for examples, at_once, pieces in ((12, 5, 3), (12, 1, 12), (12, 99, 1), (7, 4, 7)):
            self.assertEqual(PrivateGradients(0, 1, 1, 1, at_once).pieces(examples), pieces)

    def test_noise_has_its_size_and_is_the_same_on_every_replica(self):
        sizes = []
        for seed in range(60):
            privacy = PrivateGradients(3.0, 0.5, 4, seed)
            noisy = privacy.add_noise([tf.zeros([10, 10])], [True], tf.constant(5, tf.int64))
            sizes.append(np.std(noisy[0]))
        self.assertAllClose(np.mean(sizes), 3.0 * 0.5 / 4, rtol=0.02)
        one, two = (step(PrivateGradients(2.0, 1.0, EXAMPLES, 9), n)[0][0] for n in (1, 2))
        self.assertAllClose(one, two, atol=1e-5)

    def test_noise_differs_by_step_and_seed_and_leaves_frozen_variables(self):
        def noise(seed, at):
            privacy = PrivateGradients(1.0, 1.0, 1, seed)
            return privacy.add_noise(
                [tf.zeros([50]), tf.zeros([5])], [True, False], tf.constant(at, tf.int64)
            )

        first, frozen = noise(1, 1)
        self.assertAllEqual(frozen, np.zeros(5))
        self.assertAllEqual(first, noise(1, 1)[0])
        for other in (noise(1, 2)[0], noise(2, 1)[0]):
            self.assertLess(abs(np.corrcoef(first, other)[0, 1]), 0.5)

    def test_gradient_that_is_not_finite_is_left_out(self):
        privacy = PrivateGradients(1.0, 1.0, 1, 1)
        kept, _ = privacy.clip([tf.constant([np.inf, 1.0])])
        self.assertAllEqual(kept[0], [0.0, 0.0])
        kept, clipped = privacy.clip_each([tf.constant([[np.inf, 1.0], [0.5, 0.0], [0.0, 2.0]])])
        self.assertAllEqual(kept[0], [0.5, 1.0])
        self.assertEqual(clipped, 2.0)


if __name__ == "__main__":
    tf.test.main()
