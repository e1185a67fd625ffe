"""Bootstrap statistics against scikit-learn on the rows that were drawn."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from clinicalbert_tf.metrics import intervals, ranking, statistics
from clinicalbert_tf.metrics.classification import Rows, scores
from clinicalbert_tf.metrics.intervals import Bootstrap


def drawn_rows(weights):
    return np.repeat(np.arange(len(weights)), weights.astype(int))


@pytest.mark.parametrize("name", ["auroc", "average_precision", "auprc_trapezoid"])
def test_weighted_ranking_equals_the_metric_on_the_drawn_rows(name):
    random = np.random.default_rng(0)
    targets, values = random.random(40) < 0.4, random.integers(6, size=40) / 6
    statistic = intervals.ranking_of(targets, values, name)
    for weights in next(intervals.replicate_weights(40, bootstrap=Bootstrap(20))):
        rows = drawn_rows(weights)
        expected = getattr(ranking, name)(targets[rows], values[rows])
        assert statistic(weights[None])[0] == pytest.approx(expected)


def test_all_statistics_on_weight_one_equal_the_scores():
    random = np.random.default_rng(1)
    for classes in (2, 4):
        probabilities = random.dirichlet(np.ones(classes), 60)
        rows = Rows(
            tuple("abcd"[:classes]),
            random.integers(classes, size=60),
            probabilities.argmax(axis=1),
            probabilities,
        )
        expected = scores(rows)
        for name, statistic in statistics.of_classification(rows).items():
            assert statistic(np.ones((1, 60)))[0] == pytest.approx(expected[name]), name


def test_macro_f1_of_a_draw_equals_scikit_learn():
    random = np.random.default_rng(2)
    gold, predicted = random.integers(3, size=50), random.integers(3, size=50)
    statistic = intervals.macro_f1_of(gold, predicted, 3, range(3))
    weights = next(intervals.replicate_weights(50, bootstrap=Bootstrap(5)))
    for found, row in zip(statistic(weights), weights, strict=True):
        rows = drawn_rows(row)
        expected = sklearn_metrics.f1_score(gold[rows], predicted[rows], average="macro")
        assert found == pytest.approx(expected)


def test_groups_are_drawn_whole():
    groups = ["p1", "p2", "p1", "p3", "p2", "p1"]
    weights = next(intervals.replicate_weights(6, groups, Bootstrap(50)))
    for first, *others in ((0, 2, 5), (1, 4)):
        for other in others:
            np.testing.assert_array_equal(weights[:, first], weights[:, other])
    assert len(np.unique(weights.sum(axis=1))) > 1
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_interval_of_a_mean_is_near_the_normal_one_and_depends_on_the_seed_only():
    values = np.random.default_rng(3).normal(5, 2, 400)
    functions = {"mean": intervals.mean_of(values)}
    low, high = intervals.intervals(functions, 400, bootstrap=Bootstrap(2000))["mean"]
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)
    again = intervals.intervals(functions, 400, bootstrap=Bootstrap(2000))["mean"]
    assert again == [low, high]
    other = intervals.intervals(functions, 400, bootstrap=Bootstrap(2000, seed=1))["mean"]
    assert other != [low, high]


def test_pieces_do_not_change_the_draw(monkeypatch):
    whole = np.concatenate(list(intervals.replicate_weights(30, bootstrap=Bootstrap(9))))
    monkeypatch.setattr(intervals, "CELLS_AT_ONCE", 60)
    pieces = list(intervals.replicate_weights(30, bootstrap=Bootstrap(9)))
    assert [len(piece) for piece in pieces] == [2, 2, 2, 2, 1]
    np.testing.assert_array_equal(whole, np.concatenate(pieces))


def test_one_class_has_no_interval():
    functions = {"auroc": intervals.ranking_of(np.ones(5, bool), np.arange(5), "auroc")}
    assert intervals.intervals(functions, 5, bootstrap=Bootstrap(10)) == {"auroc": None}


def test_paired_difference_sees_a_better_system_and_no_difference():
    random = np.random.default_rng(4)
    worse = random.random(500) < 0.6
    better = worse | (random.random(500) < 0.3)
    a, b = intervals.mean_of(better), intervals.mean_of(worse)
    result = intervals.paired_difference(a, b, 500)
    assert result["difference"] == pytest.approx(better.mean() - worse.mean())
    assert result["interval"][0] > 0
    assert result["p"] <= 0.01
    same = intervals.paired_difference(a, a, 500)
    assert same == {"difference": 0.0, "interval": [0.0, 0.0], "p": 1.0}


@pytest.mark.parametrize(("rows", "groups"), [(0, None), (2, ["a"])])
def test_bad_calls_are_refused(rows, groups):
    with pytest.raises(ValueError, match="at least one row"):
        next(intervals.replicate_weights(rows, groups))
    with pytest.raises(ValueError, match="replicate"):
        Bootstrap(0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
