"""The baseline learns what words say, for all problem types, and repeats published figures."""

import numpy as np
import pytest

from clinicalbert_tf.datasets.classification.baseline import fit_baseline
from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.examples import Example
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings
from tests import support

SHARED = support.ROOT.parent / "shared" / "data"
WORDS = {"a": "fever cough", "b": "fracture cast", "c": "rash itch"}


def rows(labels, pair=False):
    return [
        Example(str(n), f"patient {n} with {WORDS[label]}", WORDS[label] if pair else None, label)
        for n, label in enumerate(labels)
    ]


@pytest.mark.parametrize("pair", [False, True])
def test_words_decide(pair):
    examples = {
        "train": rows("aabbab" * 4, pair),
        "dev": rows("abba", pair),
        "test": rows("ba", pair),
    }
    made = fit_baseline(examples, ("a", "b", "c"), "single")
    assert made.probabilities["dev"].argmax(axis=1).tolist() == [0, 1, 1, 0]
    assert made.probabilities["test"].argmax(axis=1).tolist() == [1, 0]
    np.testing.assert_allclose(made.probabilities["test"].sum(axis=1), 1.0)
    assert made.probabilities["test"][:, 2].tolist() == [0, 0], "never in train"


def test_pairs_that_differ_in_overlap_only_are_told_apart():
    generator = np.random.default_rng(0)
    words = [f"w{n}" for n in range(300)]

    def pairs(count, start):
        made = []
        for n in range(count):
            first = list(generator.choice(words, 6, replace=False))
            second = first if n % 2 else list(generator.choice(words, 6, replace=False))
            made.append(Example(str(start + n), " ".join(first), " ".join(second), str(n % 2)))
        return made

    examples = {"train": pairs(200, 0), "dev": pairs(60, 200), "test": pairs(60, 300)}
    made = fit_baseline(examples, ("0", "1"), "single").probabilities["test"].argmax(axis=1)
    assert np.mean(made == np.arange(60) % 2) > 0.9


def test_several_labels_and_numbers():
    train = [
        Example(str(n), text, None, label)
        for n, (text, label) in enumerate(
            [("fever", ("f",)), ("rash", ("r",)), ("fever rash", ("f", "r")), ("none", ())] * 5
        )
    ]
    made = fit_baseline({"train": train, "test": train[:4]}, ("f", "r"), "multi")
    assert (made.probabilities["test"] > 0.5).tolist() == [
        [True, False], [False, True], [True, True], [False, False],
    ]  # fmt: skip
    numbers = [Example(str(n), "bad " * n, None, float(n > 3)) for n in range(8)] * 4
    predicted = fit_baseline({"train": numbers, "dev": numbers[:8]}, (), "regression")
    assert predicted.probabilities["dev"].shape == (8,)


@pytest.mark.large
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_published_figure_of_gad():
    data = read_dataset(find_dataset("gad_blurb"), DataSettings(data_dir=str(SHARED / "gad")))
    assert [len(s) for s in data.splits.values()] == [4261, 535, 534]
    examples = {name: split.examples for name, split in data.splits.items()}
    made = fit_baseline(examples, data.labels, "single")
    gold = np.array([int(e.label) for e in data.splits["test"].examples])
    accuracy = np.mean(made.probabilities["test"].argmax(axis=1) == gold)
    assert accuracy == pytest.approx(0.672, abs=0.002)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
