import itertools

import numpy as np
import tensorflow as tf

from clinicalbert_tf.modeling import crf


def parameters(seed, labels):
    generator = np.random.default_rng(seed)
    shapes = ((labels,), (labels, labels), (labels,))
    return [generator.normal(size=shape).astype("float32") for shape in shapes]


def path_score(emissions, places, path, begin, follow, end):
    score = begin[path[0]] + end[path[-1]]
    score += sum(emissions[place, label] for place, label in zip(places, path, strict=True))
    return score + sum(follow[a, b] for a, b in itertools.pairwise(path))


class CrfTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(3)
        self.emissions = generator.normal(size=(4, 5, 3)).astype("float32")
        self.labels = generator.integers(0, 3, size=(4, 5)).astype("int32")
        # A whole row, gaps, one position, none.
        self.mask = np.array(
            [[1, 1, 1, 1, 1], [0, 1, 0, 1, 1], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]], "float32"
        )
        self.scores = parameters(4, 3)

    def paths(self, row):
        places = np.flatnonzero(self.mask[row])
        found = {
            path: path_score(self.emissions[row], places, path, *self.scores)
            for path in itertools.product(range(3), repeat=len(places))
        }
        return places, found

    def test_log_likelihood_equals_brute_force(self):
        found = crf.log_likelihood(self.emissions, self.labels, self.mask, *self.scores)
        for row in range(3):
            places, paths = self.paths(row)
            total = np.log(np.sum(np.exp(list(paths.values()))))
            gold = paths[tuple(self.labels[row, places].tolist())]
            self.assertAllClose(found[row], gold - total, atol=1e-5)
        self.assertEqual(float(found[3]), 0.0)

    def test_gradients_under_a_function_of_any_length(self):
        @tf.function(input_signature=[tf.TensorSpec([None, None, 3]), tf.TensorSpec([3, 3])])
        def gradients(emissions, follow):
            with tf.GradientTape() as tape:
                tape.watch((emissions, follow))
                begin, _, end = map(tf.constant, self.scores)
                likelihood = crf.log_likelihood(
                    emissions, self.labels, self.mask, begin, follow, end
                )
                loss = -tf.reduce_sum(likelihood)
            return tape.gradient(loss, (emissions, follow))

        of_emissions, of_follow = gradients(
            tf.constant(self.emissions), tf.constant(self.scores[1])
        )
        # A position without a label has no gradient; at the others probabilities minus gold: sum 0.
        self.assertAllEqual(of_emissions.numpy()[self.mask == 0], np.zeros((11, 3)))
        self.assertAllClose(of_emissions.numpy().sum(-1), np.zeros((4, 5)), atol=1e-5)
        self.assertAllClose(tf.reduce_sum(of_follow), 0.0, atol=1e-5)
        self.assertGreater(float(tf.reduce_max(tf.abs(of_follow))), 0.01)

    def test_scores_begin_at_zero(self):
        begin, follow, end = crf.CrfScores()(self.emissions)
        self.assertAllEqual(begin, np.zeros(3))
        self.assertAllEqual(follow, np.zeros((3, 3)))
        self.assertAllEqual(end, np.zeros(3))


if __name__ == "__main__":
    tf.test.main()
