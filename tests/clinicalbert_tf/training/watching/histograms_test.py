"""Histograms of weights, read back with TensorBoard's reader."""

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.training.hooks import Call
from clinicalbert_tf.training.watching.chosen_steps import Histograms
from clinicalbert_tf.training.watching.spent import TokenCount
from clinicalbert_tf.training.watching.summaries import TrainingSummaries

SCALARS = {"loss": 1.0, "tokens": 10.0}


class HistogramsTest(tf.test.TestCase):
    def test_every_weight_has_one_at_each_multiple(self):
        weights = tf.Variable(np.arange(8, dtype=np.float32))
        summaries = TrainingSummaries(self.get_temp_dir(), TokenCount(), {})
        hook = Histograms(summaries, 4, [("bert/pooler/kernel", weights)])
        summaries.start(2, 9, None)
        for step in (3, 4, 8, 9):
            weights.assign(np.full(8, step, np.float32))
            hook.measure(Call(step, [SCALARS], 1.0))
        summaries.close()
        events = EventAccumulator(self.get_temp_dir()).Reload()
        tag = "weights/bert/pooler/kernel"
        self.assertEqual(events.SummaryMetadata(tag).plugin_data.plugin_name, "histograms")
        found = {event.step: tf.make_ndarray(event.tensor_proto) for event in events.Tensors(tag)}
        self.assertEqual(sorted(found), [4, 8])
        for step, buckets in found.items():
            counted = buckets[buckets[:, 2] > 0]
            self.assertEqual(counted[:, 2].sum(), 8)
            self.assertTrue(np.all(counted[:, 0] <= step))
            self.assertTrue(np.all(step <= counted[:, 1]))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
