"""What all replicas bring, added up or averaged."""

from collections.abc import Callable

import tensorflow as tf


def over_replicas(
    strategy: tf.distribute.Strategy, operation: tf.distribute.ReduceOp
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function of each worker's tensor that gives the result of all replicas to every worker.

    Args:
        strategy: the run's; its workers call the function together.
        operation: SUM or MEAN. Every replica of a worker brings the worker's tensor.
    """

    def of_replica(tensor):
        # The copy gives the tensor the replica's device, which the reduction asks for.
        context = tf.distribute.get_replica_context()
        return context.all_reduce(operation, tf.identity(tensor))

    @tf.function
    def reduced(tensor):
        results = strategy.run(of_replica, args=(tensor,))
        return strategy.experimental_local_results(results)[0]

    return reduced
