"""One step on every replica; several steps a call."""

import numpy as np
import tensorflow as tf

from clinicalbert_tf.training.dropout import DropoutSeeds

# Appended to the objective's sums in each row that `train` returns.
UPDATE_NAMES = ("learning_rate", "gradient_norm")


class Stepper:
    """Trains and evaluates a model with one objective under one strategy.

    Args:
        strategy: any tf.distribute strategy; the model and the optimizer were made in its scope.
        model: a Keras model that takes a dict of `objective.model_inputs`.
        objective: counts, share, metrics and sum_names as PretrainingObjective has them.
        optimizer: with `variables`, `step` and `apply`; None where nothing is trained.
        seed: seed of dropout.
        jit_compile: compile forward and backward pass with XLA.
    """

    def __init__(self, strategy, model, objective, optimizer=None, seed=0, jit_compile=False):
        self.strategy = strategy
        self.model = model
        self.objective = objective
        self.optimizer = optimizer
        self.seeds = DropoutSeeds(model, seed)
        self._gradients = self._forward_backward
        if jit_compile:
            # Reductions over replicas stay outside: XLA on CPU and GPU compiles one device.
            self._gradients = tf.function(self._forward_backward, jit_compile=True)
        self._train = tf.function(self._train_steps, reduce_retracing=True)
        self._mean = tf.function(self._mean_over_replicas)
        self._evaluate = tf.function(self._evaluation_steps, reduce_retracing=True)

    def train(self, iterator, steps: int) -> np.ndarray:
        """Takes `steps` training steps.

        Args:
            iterator: over a distributed dataset of feature dicts.
            steps: updates to make, at least 1.

        Returns:
            float32 [steps, len(objective.sum_names) + len(UPDATE_NAMES)]: the sums over each
            step's global batch, the learning rate and the gradient norm before the clip.
        """
        return self._train(iterator, tf.constant(steps, tf.int32)).numpy()

    def evaluate(self, iterator, steps: int) -> np.ndarray:
        """Sums over `steps` batches, dropout off: float32 [steps, len(objective.sum_names)]."""
        return self._evaluate(iterator, tf.constant(steps, tf.int32)).numpy()

    def mean_over_workers(self, values) -> np.ndarray:
        """The mean of every worker's values, the same on all: what they must agree on.

        Args:
            values: this worker's numbers, as many on every worker.
        """
        values = np.asarray(values, np.float32)
        if not isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return values
        return self._mean(tf.constant(values)).numpy()

    def _mean_over_replicas(self, values):
        def mean(own):
            # The copy gives the tensor the replica's device, which the reduction asks for.
            own = tf.identity(own)
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.MEAN, own)

        return self.strategy.experimental_local_results(self.strategy.run(mean, args=(values,)))[0]

    def _train_steps(self, iterator, steps):
        return self._collect(self._train_replica, iterator, steps, len(UPDATE_NAMES))

    def _evaluation_steps(self, iterator, steps):
        return self._collect(self._evaluate_replica, iterator, steps, 0)

    def _collect(self, replica_step, iterator, steps, more):
        width = len(self.objective.sum_names) + more
        rows = tf.TensorArray(tf.float32, size=steps, element_shape=[width])
        for index in tf.range(steps):
            row = self.strategy.run(replica_step, args=(next(iterator),))
            # Reduced inside the step: every replica holds the same row.
            rows = rows.write(index, self.strategy.experimental_local_results(row)[0])
        return rows.stack()

    def _train_replica(self, batch):
        counts = _sum_over_replicas(self.objective.counts(batch))
        draw = self.seeds.draw(self.optimizer.step.read_value())
        gradients, sums = self._gradients(batch, counts, draw)
        *gradients, sums = _sum_over_replicas([*gradients, sums])
        update = self.optimizer.apply(gradients)
        return tf.concat([sums, tf.stack([update[name] for name in UPDATE_NAMES])], axis=0)

    def _forward_backward(self, batch, counts, draw):
        inputs = {name: batch[name] for name in self.objective.model_inputs}
        with tf.GradientTape() as tape, self.seeds.scope(draw):
            outputs = self.model(inputs, training=True)
            loss, sums = self.objective.share(outputs, batch, counts)
        gradients = tape.gradient(
            loss, self.optimizer.variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return [tf.convert_to_tensor(gradient) for gradient in gradients], sums

    def _evaluate_replica(self, batch):
        inputs = {name: batch[name] for name in self.objective.model_inputs}
        outputs = self.model(inputs, training=False)
        # The loss share goes unused here, so each replica's own counts will do.
        _, sums = self.objective.share(outputs, batch, self.objective.counts(batch))
        return _sum_over_replicas(sums)


def _sum_over_replicas(tensors):
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)
