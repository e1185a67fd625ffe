import itertools

import numpy as np
import pytest

from clinicalbert_tf.modeling.viterbi import Succession, ViterbiDecoder, decode
from clinicalbert_tf.texts.tags import allowed_transitions, to_bio

LABELS = ["B-a", "I-a", "B-b", "I-b", "O"]


def random_succession(generator, labels=5):
    return Succession(
        generator.normal(size=labels),
        generator.normal(size=(labels, labels)),
        generator.normal(size=labels),
    )


def brute_force(emissions, succession):
    best, winner = -np.inf, None
    for path in itertools.product(range(emissions.shape[1]), repeat=len(emissions)):
        score = succession.begin[path[0]] + succession.end[path[-1]]
        score += sum(emissions[place, label] for place, label in enumerate(path))
        score += sum(succession.follow[a, b] for a, b in itertools.pairwise(path))
        if score > best:
            best, winner = score, list(path)
    return winner


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("constrained", [False, True])
def test_decoding_equals_brute_force(seed, constrained):
    generator = np.random.default_rng(seed)
    succession = random_succession(generator)
    if constrained:
        succession = succession.constrained(*allowed_transitions(LABELS))
    emissions = generator.normal(size=(1 + seed % 5, 5))
    found = decode(emissions, succession)
    assert found == brute_force(emissions, succession)
    if constrained:
        assert to_bio([LABELS[label] for label in found])[1] == 0


def test_without_rules_each_word_takes_its_best_label():
    emissions = np.random.default_rng(0).normal(size=(50, 5))
    assert decode(emissions, Succession.none(5)) == emissions.argmax(1).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_pieces_equal_the_whole(seed):
    generator = np.random.default_rng(seed)
    succession = random_succession(generator).constrained(*allowed_transitions(LABELS))
    emissions = generator.normal(size=(400, 5), scale=3)
    decoder = ViterbiDecoder(succession)
    labels, most_pending = [], 0
    for start in range(0, 400, 7):
        labels += decoder.push(emissions[start : start + 7])
        most_pending = max(most_pending, start + 7 - len(labels))
    labels += decoder.finish()
    assert labels == decode(emissions, succession) and len(labels) == 400
    assert most_pending < 100
    # The decoder is ready for another sequence.
    assert decoder.push(emissions[:3]) + decoder.finish() == decode(emissions[:3], succession)


def test_no_words_give_no_labels():
    assert decode(np.zeros((0, 5)), Succession.none(5)) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
