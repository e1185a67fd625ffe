"""One step on every replica; several steps per call."""

import functools

import numpy as np
import tensorflow as tf

from clinicalbert_tf.input_pipeline.source import EXAMPLE_PLACE
from clinicalbert_tf.kernel_compiler import compiler_for, prediction_compiler_for
from clinicalbert_tf.modeling.compilation import compiled_by
from clinicalbert_tf.training.cluster.reduction import over_replicas
from clinicalbert_tf.training.dropout import DropoutSeeds
from clinicalbert_tf.training.objective import ENGINE_SUMS, batch_sums
from clinicalbert_tf.training.updates.accumulation import sum_over_parts
from clinicalbert_tf.training.updates.private_gradients import (
    CLIPPED_FRACTION,
    PrivateGradients,
    of_each_example,
)


class Stepper:
    """Trains and evaluates a model with one objective under one strategy.

    Attributes:
        sum_names: the sums of every step, in order: the objective's and the engine's.
        update_names: what `train` appends to them, in order.

    Args:
        strategy: any tf.distribute strategy; the model and the optimizer were made in its scope.
        model: a Keras model that takes a dict of `objective.model_inputs`.
        objective: a training.objective.Objective.
        optimizer: with `variables`, `step`, `loss_scale`, `report_names` and `apply` as
            AdamWeightDecay has them; None if nothing is trained.
        seed: seed of dropout.
        jit_compile: compile forward and backward pass with XLA, instead of the elementwise
            kernels alone.
        parts: pieces that each replica's batch is computed in, one after another.
        compile_kernels: whether to compile elementwise kernels where not everything is compiled.
        privacy: clips every example's gradient and adds noise; None for plain gradients. It says
            then how many examples are computed at once, instead of `parts`.
    """

    def __init__(
        self,
        strategy,
        model,
        objective,
        optimizer=None,
        seed=0,
        jit_compile=False,
        parts=1,
        compile_kernels=True,
        privacy: PrivateGradients | None = None,
    ):
        self.strategy = strategy
        self.model = model
        self.objective = objective
        self.optimizer = optimizer
        self.sum_names = (*objective.sum_names, *ENGINE_SUMS)
        self.update_names = () if optimizer is None else optimizer.report_names
        self.privacy = privacy
        if privacy is not None:
            self.update_names = (*self.update_names, CLIPPED_FRACTION)
        self.parts = parts
        self.seeds = DropoutSeeds(model, seed)
        kernels = compile_kernels and not jit_compile
        self._kernel_compiler = compiler_for(strategy) if kernels else None
        self._prediction_compiler = prediction_compiler_for(strategy) if kernels else None
        # A call of its own, for two reasons. Reductions over replicas stay outside of what XLA
        # compiles, which on CPU and GPU is one device. And inside a loop, TensorFlow's graph
        # optimizer may turn large sums of gradients into temporary variables that are never freed.
        compiled = functools.partial(
            tf.function,
            autograph=False,
            jit_compile=jit_compile or None,
            experimental_attributes={"_noinline": True},
        )
        self._gradients = compiled(functools.partial(self._forward_backward, self._kernel_compiler))
        self._example_gradients = compiled(self._forward_backward_of_each)
        self._train = tf.function(self._train_steps, reduce_retracing=True)
        self._mean = over_replicas(strategy, tf.distribute.ReduceOp.MEAN)
        self._evaluate = tf.function(self._evaluation_steps, reduce_retracing=True)
        self._predict = tf.function(self._prediction_step, reduce_retracing=True)

    def train(self, iterator, steps: int) -> np.ndarray:
        """Takes `steps` training steps.

        Args:
            iterator: over a distributed dataset of feature dicts.
            steps: steps to make, at least 1.

        Returns:
            float32 [steps, len(sum_names) + len(update_names)]: the sums over each
            step's global batch, the learning rate, the gradient norm before the clip, and what
            else the optimizer reports.
        """
        return self._train(iterator, tf.constant(steps, tf.int32)).numpy()

    def evaluate(self, iterator, steps: int) -> np.ndarray:
        """Sums over `steps` batches, dropout off: float32 [steps, len(sum_names)]."""
        return self._evaluate(iterator, tf.constant(steps, tf.int32)).numpy()

    def predict(self, iterator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Evaluates one batch and keeps what the objective predicts of every example.

        Args:
            iterator: over distributed evaluation batches, with "example_place" and
                "example_weights".

        Returns:
            The sums, float32 [len(sum_names)], and the objective's predictions, [examples, ...] by
            name with "example_place", int32 [examples]: of all replicas and workers, fillers
            dropped, the same on every worker.
        """
        rows, sums = self._predict(iterator)
        first = self.strategy.experimental_local_results
        rows = {name: first(values)[0].numpy() for name, values in rows.items()}
        real = rows.pop("example_weights") > 0
        return first(sums)[0].numpy(), {name: values[real] for name, values in rows.items()}

    def mean_over_workers(self, values) -> np.ndarray:
        """The mean of every worker's values, the same on all: what they must agree on.

        Args:
            values: this worker's numbers, as many on every worker.
        """
        values = np.asarray(values, np.float32)
        if not isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return values
        return self._mean(tf.constant(values)).numpy()

    def _train_steps(self, iterator, steps):
        return self._collect(self._train_replica, iterator, steps, len(self.update_names))

    def _evaluation_steps(self, iterator, steps):
        return self._collect(self._evaluate_replica, iterator, steps, 0)

    def _collect(self, replica_step, iterator, steps, more):
        width = len(self.sum_names) + more
        rows = tf.TensorArray(tf.float32, size=steps, element_shape=[width])
        for index in tf.range(steps):
            row = self.strategy.run(replica_step, args=(next(iterator),))
            # Reduced inside the step: every replica holds the same row.
            rows = rows.write(index, self.strategy.experimental_local_results(row)[0])
        return rows.stack()

    # Nothing below the loop over steps is converted by AutoGraph: it needs no conversion, and
    # converting the model's code takes seconds of every start.
    @tf.autograph.experimental.do_not_convert
    def _train_replica(self, batch):
        normalizers = _sum_over_replicas(self.objective.normalizers(batch))
        step = self.optimizer.step.read_value()
        draw = self.seeds.draw(step)
        *gradients, sums = _sum_over_replicas(self._gradients_of_batch(batch, normalizers, draw))
        if self.privacy is not None:
            *gradients, clipped = gradients
            trained = [self.objective.trains(name) for name in self.optimizer.slots]
            gradients = self.privacy.add_noise(gradients, trained, step)
        update = self.optimizer.apply(gradients)
        if self.privacy is not None:
            update[CLIPPED_FRACTION] = clipped / self.privacy.batch_size
        return tf.concat([sums, tf.stack([update[name] for name in self.update_names])], axis=0)

    def _gradients_of_batch(self, batch, normalizers, draw):
        """The gradients of a replica's batch and, last, its sums.

        With privacy the number of clipped examples stands before the sums.
        """
        if self.privacy is not None:
            return self._private_gradients(batch, normalizers, draw)

        def of_part(features, part):
            # As many draws for each (step, replica) as there are parts.
            own_draw = draw * self.parts + tf.cast(part, draw.dtype)
            return self._gradients(features, normalizers, own_draw)

        return sum_over_parts(of_part, batch, self.parts, self._zeros)

    def _private_gradients(self, batch, normalizers, draw):
        examples = _examples(batch)
        pieces = self.privacy.pieces(examples)
        size = examples // pieces

        def of_piece(features, piece):
            # Every example has its own draw, however many are computed at once.
            first = draw * examples + tf.cast(piece * size, draw.dtype)
            if size == 1:
                *gradients, sums = self._gradients(features, normalizers, first)
                gradients, clipped = self.privacy.clip(gradients)
            else:
                draws = first + tf.range(size, dtype=draw.dtype)
                *gradients, sums = self._example_gradients(features, normalizers, draws)
                gradients, clipped = self.privacy.clip_each(gradients)
                sums = tf.reduce_sum(sums, axis=0)
            return [*gradients, clipped, sums]

        def zeros():
            *gradients, sums = self._zeros()
            return [*gradients, tf.zeros([]), sums]

        return sum_over_parts(of_piece, batch, pieces, zeros)

    def _zeros(self):
        width = len(self.sum_names)
        return [*map(tf.zeros_like, self.optimizer.variables), tf.zeros([width])]

    def _forward_backward_of_each(self, batch, normalizers, draws):
        # A compiled kernel would be called once for every example.
        def of_one(features, draw):
            return self._forward_backward(None, features, normalizers, draw)

        *gradients, sums = of_each_example(of_one, batch, draws)
        # Computed of all at once, some lose the shape that every variable has.
        shapes = [[_examples(batch), *variable.shape] for variable in self.optimizer.variables]
        return [*map(tf.ensure_shape, gradients, shapes), sums]

    def _forward_backward(self, kernel_compiler, batch, normalizers, draw):
        inputs = {name: batch[name] for name in self.objective.model_inputs}
        scale = None if self.optimizer.loss_scale is None else self.optimizer.loss_scale.scale
        # Entered on each replica's own thread: a scope around all of them would not reach it.
        # Over the backward pass too, for what that computes again.
        with compiled_by(kernel_compiler):
            with tf.GradientTape() as tape, self.seeds.scope(draw):
                outputs = self.model(inputs, training=True)
                loss, sums = self.objective.loss_and_sums(outputs, batch, normalizers)
                if scale is not None:
                    loss *= scale
            gradients = tape.gradient(
                loss, self.optimizer.variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        return [*gradients, tf.concat([sums, batch_sums(batch)], axis=0)]

    def _prediction_step(self, iterator):
        return self.strategy.run(self._predict_replica, args=(next(iterator),))

    @tf.autograph.experimental.do_not_convert
    def _evaluate_replica(self, batch):
        return self._outputs_and_sums(batch)[1]

    @tf.autograph.experimental.do_not_convert
    def _predict_replica(self, batch):
        outputs, sums = self._outputs_and_sums(batch)
        kept = self.objective.predictions(outputs, batch)
        kept |= {name: batch[name] for name in (EXAMPLE_PLACE, "example_weights")}
        return _all_rows(kept), sums

    def _outputs_and_sums(self, batch):
        inputs = {name: batch[name] for name in self.objective.model_inputs}
        with compiled_by(self._prediction_compiler):
            outputs = self.model(inputs, training=False)
        # The loss goes unused here, so each replica's own normalizers will do.
        normalizers = self.objective.normalizers(batch)
        _, sums = self.objective.loss_and_sums(outputs, batch, normalizers)
        return outputs, _sum_over_replicas(tf.concat([sums, batch_sums(batch)], axis=0))


def _examples(batch) -> int:
    """The examples of a replica's batch, which training knows beforehand."""
    return int(next(iter(batch.values())).shape[0])


def _sum_over_replicas(tensors):
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def _all_rows(tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The rows of all replicas and workers, the same on each."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tensors
    # The copy gives each tensor the replica's device, which gathering asks for.
    return {
        name: context.all_gather(tf.identity(values), axis=0) for name, values in tensors.items()
    }
