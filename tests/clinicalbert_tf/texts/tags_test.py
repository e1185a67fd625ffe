import itertools

import numpy as np
import pytest

from clinicalbert_tf.texts.tags import allowed_transitions, find_scheme, split_tag, to_bio


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["O", "B-a", "I-a", "B-a"], "BIO"),
        (["I-a", "I-a", "B-a", "O", "I-b"], "IOB1"),
        (["S-a", "O", "B-a", "I-a", "E-a"], "BIOES"),
        (["O", "U-a"], "BIOES"),
        (["O", "O"], "BIO"),
        # B- after O is IOB2's; the I- after it is a fault to repair.
        (["B-a", "O", "I-a"], "BIO"),
    ],
)
def test_scheme_is_found(tags, scheme):
    assert find_scheme([tags]) == scheme


@pytest.mark.parametrize(
    ("tags", "scheme", "expected", "repaired"),
    [
        (["I-a", "I-a", "B-a", "I-b", "O"], "IOB1", ["B-a", "I-a", "B-a", "B-b", "O"], 0),
        (["S-a", "B-a", "I-a", "E-a", "S-a"], "BIOES", ["B-a", "B-a", "I-a", "I-a", "B-a"], 0),
        (["B-a", "E-a", "I-a"], "BIOES", ["B-a", "I-a", "B-a"], 1),
        (["I-a", "O", "B-a", "I-b"], "BIO", ["B-a", "O", "B-a", "B-b"], 2),
        (["B", "I", "O", "I"], "BIO", ["B", "I", "O", "B"], 1),
    ],
)
def test_every_scheme_becomes_bio(tags, scheme, expected, repaired):
    assert to_bio(tags, scheme) == (expected, repaired)


def test_transitions_allow_exactly_the_sequences_that_need_no_repair():
    labels = ["B-a", "I-a", "B-b", "I-b", "O"]
    begin, follow = allowed_transitions(labels)
    for path in itertools.product(range(5), repeat=3):
        allowed = begin[path[0]] and all(follow[a, b] for a, b in itertools.pairwise(path))
        assert allowed == (to_bio([labels[i] for i in path])[1] == 0)
    assert begin.dtype == follow.dtype == np.bool_


@pytest.mark.parametrize("tag", ["", "B-", "o", "X", "Q-a", "B-a b", "[CLS]"])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(ValueError, match="tag like B-TYPE"):
        split_tag(tag)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
