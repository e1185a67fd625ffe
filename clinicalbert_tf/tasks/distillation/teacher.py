"""The outputs of a teacher for every training example, made once and kept on disk."""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from clinicalbert_tf.input_pipeline.array_source import ArraySource
from clinicalbert_tf.tasks.distillation.targets import SoftTarget
from clinicalbert_tf.training.evaluation import Evaluator
from clinicalbert_tf.training.step import Stepper
from tfrecords_builder.files import make_private_folder, open_private

_KEY = "of"


class _Outputs:
    """An objective that keeps a model's outputs and sums nothing."""

    sum_names = ()

    def __init__(self, model_inputs, names):
        self.model_inputs = model_inputs
        self._names = names

    def normalizers(self, batch):
        return tf.ones([1])

    def loss_and_sums(self, outputs, batch, normalizers):
        return tf.zeros([]), tf.zeros([0])

    def predictions(self, outputs, batch):
        return {name: outputs[name] for name in self._names}

    def metrics(self, totals):
        return {"loss": np.zeros([])}

    def trains(self, tf1_name):
        return False


def teacher_outputs(
    model,
    identity: str,
    source: ArraySource,
    target: SoftTarget,
    model_inputs,
    folder: str,
    batch_size: int = 32,
    length_buckets: int = 8,
) -> dict[str, np.ndarray]:
    """The outputs of a teacher, dropout off, for every example of a source.

    They are read from `folder` if they were made of the same teacher and examples before.

    Args:
        model: the teacher.
        identity: the fingerprint of its weights.
        source: the examples.
        target: says which outputs.
        model_inputs: the features that the model takes.
        folder: where they are kept, in a private file.
        batch_size: examples per batch.
        length_buckets: as in RunSettings.

    Returns:
        {output: float32 [examples, ...]}; what is per position is padded to max_seq_length.
    """
    key = f"{identity} {source.fingerprint}"
    path = os.path.join(make_private_folder(folder), "outputs.npz")
    kept = _read(path, key)
    if kept is not None:
        logging.info("The teacher's outputs for %d examples are in %s.", source.num_examples, path)
        return kept
    stepper = Stepper(tf.distribute.get_strategy(), model, _Outputs(model_inputs, target.outputs))
    evaluator = Evaluator(stepper, source, batch_size, None, length_buckets=length_buckets)
    _, found = evaluator.predict()
    outputs = {name: _padded(found[name], source, target) for name in target.outputs}
    with open_private(path) as file:
        np.savez(file, **outputs, **{_KEY: np.array(key)})
    logging.info("Kept the teacher's outputs for %d examples in %s.", source.num_examples, path)
    return outputs


def _read(path: str, key: str) -> Mapping[str, np.ndarray] | None:
    if not os.path.isfile(path):
        return None
    with np.load(path, allow_pickle=False) as file:
        if str(file[_KEY]) != key:
            return None
        return {name: file[name] for name in file.files if name != _KEY}


def _padded(rows, source: ArraySource, target: SoftTarget) -> np.ndarray:
    if not target.per_position:
        return np.asarray(rows, np.float32)
    width = source.max_seq_length
    made = np.zeros((len(rows), width, *np.shape(rows[0])[1:]), np.float32)
    for number, row in enumerate(rows):
        made[number, : len(row)] = row
    return made
