"""Differentially private gradients: every example's clipped, their sum with Gaussian noise.

Examples go through forward and backward pass one after the other, with the memory of one, or
several at once, with a gradient of every trained variable kept for each. What an example adds to a
step's gradient has at most the clip norm (as a mean over the global batch); noise of
`noise_multiplier` times the clip norm is added to the sum once, the same on every replica.

The guarantee is for zeroing out one example (Kairouz et al. 2021): lengths of texts and numbers of
masked words, which losses are divided by, count as public.

Source: Abadi et al. 2016, Deep learning with differential privacy, algorithm 1.
"""

import dataclasses

import tensorflow as tf

from clinicalbert_tf.training.settings import RunSettings

CLIPPED_FRACTION = "clipped_fraction"


@dataclasses.dataclass(frozen=True)
class PrivateGradients:
    """What is done to the gradients of a step.

    Attributes:
        noise_multiplier: standard deviation of the noise as a multiple of the clip norm; 0 for
            none (and no privacy).
        clip_norm: greatest norm of one example's gradient, in units of a mean over the batch.
        batch_size: examples per step, over all replicas.
        seed: of the noise; must be kept secret for the guarantee to hold.
        at_once: examples whose gradients are computed together, at most.
    """

    noise_multiplier: float
    clip_norm: float
    batch_size: int
    seed: int
    at_once: int = 1

    def pieces(self, examples: int) -> int:
        """How many pieces of equal size, at most `at_once` examples each, a batch is cut into."""
        most = min(self.at_once, examples)
        return examples // max(size for size in range(1, most + 1) if examples % size == 0)

    def clip(self, gradients: list[tf.Tensor]) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Clips one example's part of a step's gradient.

        Args:
            gradients: of the loss as a sum over the batch's examples divided by what the whole
                batch is divided by: about 1 / batch_size of the example's own gradient.

        Returns:
            The same times at most 1, and 1.0 if it was clipped, else 0.0.
        """
        factor, clipped = self._factors(tf.linalg.global_norm(gradients))
        safe = [tf.where(factor > 0, gradient, 0.0) for gradient in gradients]
        return [gradient * factor for gradient in safe], clipped

    def clip_each(self, gradients: list[tf.Tensor]) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Clips the gradients of several examples, each on its own, and adds them up.

        Args:
            gradients: each [examples, ...]; what `clip` takes of every example.

        Returns:
            The sums of the clipped ones, [...], and how many were clipped.
        """
        squares = [tf.reduce_sum(tf.square(_flat(gradient)), axis=1) for gradient in gradients]
        factors, clipped = self._factors(tf.sqrt(tf.add_n(squares)))
        sums = []
        for gradient in gradients:
            flat = tf.where(factors[:, tf.newaxis] > 0, _flat(gradient), 0.0)
            sums.append(tf.reshape(tf.linalg.matvec(flat, factors, True), gradient.shape[1:]))
        return sums, tf.reduce_sum(clipped)

    def _factors(self, norms):
        """What gradients of these norms are multiplied by, and 1.0 where that clips, else 0.0."""
        norms = self.batch_size * norms
        clipped = norms > self.clip_norm
        # Not the quotient below the norm: 1.0 exactly leaves the gradient as it was.
        factors = tf.where(clipped, tf.math.divide_no_nan(self.clip_norm, norms), 1.0)
        # A gradient of infinity or NaN says nothing and would reveal its example.
        factors = tf.where(tf.math.is_finite(norms), factors, 0.0)
        return factors, tf.cast(clipped, tf.float32)

    def add_noise(self, gradients: list[tf.Tensor], trained: list[bool], step: tf.Tensor):
        """Adds the noise of a step to a sum over all replicas.

        Args:
            gradients: the sum.
            trained: for each whether its variable is trained; others get none.
            step: int64 scalar; the noise depends on it and on the seed alone.
        """
        if not self.noise_multiplier:
            return gradients
        scale = self.noise_multiplier * self.clip_norm / self.batch_size
        noisy = []
        for place, (gradient, is_trained) in enumerate(zip(gradients, trained, strict=True)):
            if is_trained:
                seed = tf.stack([tf.cast(step, tf.int64), tf.constant(place, tf.int64)])
                own = tf.random.experimental.stateless_fold_in(seed, self.seed)
                noise = tf.random.stateless_normal(gradient.shape, own)
                gradient = gradient + scale * noise
            noisy.append(gradient)
        return noisy


def private_gradients(settings: RunSettings) -> PrivateGradients | None:
    """What the settings ask for; None if they ask for no privacy."""
    if settings.dp_clip_norm is None:
        return None
    return PrivateGradients(
        settings.dp_noise_multiplier,
        settings.dp_clip_norm,
        settings.train_batch_size,
        settings.seed,
        settings.examples_at_once,
    )


def of_each_example(compute, features: dict[str, tf.Tensor], draws: tf.Tensor):
    """Computes the same of every example, all at once.

    Args:
        compute: (features of a batch of one, its draw) -> list of tensors.
        features: [examples, ...] each.
        draws: int64 [examples]: what dropout's masks depend on.

    Returns:
        What `compute` returns, [examples, ...] each.
    """

    def of_one(example):
        own, draw = example
        return compute({name: values[tf.newaxis] for name, values in own.items()}, draw)

    return tf.vectorized_map(of_one, (features, draws), fallback_to_while_loop=True)


def _flat(gradient: tf.Tensor) -> tf.Tensor:
    return tf.reshape(gradient, [gradient.shape[0], -1])
