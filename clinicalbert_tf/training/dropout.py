"""Dropout's random state as a function of the seed, the step and the replica.

Keras keeps a counter in every dropout layer. A resumed run would need all of them, on every
replica; computed from the step they need no saving at all.
"""

import hashlib

import keras
import tensorflow as tf


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """The random states (int64 [2] each) of all layers of a model, in the model's order."""
    generators = []
    for layer in model._flatten_layers():
        # Keras has no public way from a layer to its seed generators.
        generators += [g for g in layer._seed_generators if g not in generators]
    return [generator.state for generator in generators]


class DropoutSeeds:
    """Makes every random layer of a model draw by (seed, step, replica).

    Args:
        model: the model whose layers draw.
        seed: the run's seed.
    """

    def __init__(self, model: keras.Model, seed: int):
        self.states = seed_states(model)
        self.keys = [_layer_key(seed, index) for index in range(len(self.states))]

    def draw(self, step) -> tf.Tensor:
        """A number (int64 scalar) that no other (step, replica) has; for replica context."""
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        return step * context.num_replicas_in_sync + replica

    def scope(self, draw) -> keras.StatelessScope:
        """A scope in which the model's layers draw what belongs to `draw`.

        Trainable variables are read as ever; only the random states are replaced, and the
        layers' own counting is dropped on exit.
        """
        mapping = [
            (state, tf.stack([tf.constant(key, tf.int64), draw]))
            for state, key in zip(self.states, self.keys, strict=True)
        ]
        return keras.StatelessScope(state_mapping=mapping)


def _layer_key(seed: int, index: int) -> int:
    digest = hashlib.sha256(f"dropout {seed} {index}".encode()).digest()
    # 31 bits: some devices' generators take 32-bit seeds.
    return int.from_bytes(digest[:4], "big") >> 1
