"""Several labels a text: where the head starts, and how a checkpoint is judged while it trains."""

import types

import numpy as np
import pytest

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.examples import Example, Split
from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from clinicalbert_tf.tasks.classification.task import ClassificationTask
from clinicalbert_tf.training.fine_tuning import with_steps

ROWS = [("a",), (), ("a", "b"), ()]


def make_task(labels=("a", "b"), rows=ROWS, problem_type="multi", **given):
    examples = [Example(str(n), f"text {n}", None, label) for n, label in enumerate(rows)]
    splits = {name: Split(name, "file", examples) for name in ("train", "dev")}
    data = LabelledData(find_dataset("diagnosis"), problem_type, labels, splits, [])
    settings = {"output_dir": "unused", "task_name": "diagnosis", "do_train": True, **given}
    return ClassificationTask(ClassificationSettings(**with_steps(settings, 4, True)), data)


class Head:
    def __init__(self):
        self.bias, self.kept = self, None

    def assign(self, values):
        self.kept = values


def test_head_starts_at_each_labels_frequency():
    head = Head()
    make_task().set_prior(types.SimpleNamespace(head=head))
    np.testing.assert_allclose(1 / (1 + np.exp(-head.kept)), [2.5 / 5, 1.5 / 5])
    one = Head()
    make_task(rows=["a", "b", "a", "b"], problem_type="single").set_prior(
        types.SimpleNamespace(head=one)
    )
    assert one.kept is None


@pytest.mark.parametrize(("tuned", "expected"), [(True, 1.0), (False, 0.0)])
def test_checkpoint_is_judged_at_its_best_threshold(tuned, expected):
    # A young model: the order is right, but no probability reaches one half.
    logits = np.array([[-2.0, -4.0], [-4.0, -4.0], [-2.0, -2.0], [-4.0, -4.0]])
    task = make_task(tune_threshold=tuned)
    assert task.score("dev", {"logits": logits})["f1_micro"] == expected
    assert task.decision.threshold == 0.5


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
