import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.datasets.labelled_words import Sentence
from clinicalbert_tf.tasks.tagging.decoding import LabelDecoder
from clinicalbert_tf.tasks.tagging.examples import truncate_words, window_words
from clinicalbert_tf.tasks.tagging.results import label_words
from clinicalbert_tf.texts.reference_word_features import reference_label_ids
from tests.support import GOLDEN
from tfrecords_builder.tokenization import BertTokenizer

TOKENIZER = BertTokenizer(str(GOLDEN / "vocab" / "downstream_cased.txt"), False)
LABELS = ["B-p", "I-p", "O"]
IDS = {label: number for number, label in enumerate(LABELS)}
WORDS = st.sampled_from(["pain", "Community-acquired", "\u200b", "a", "."])


def sentence(words, labels=None):
    return Sentence(tuple(words), tuple(labels or ["O"] * len(words)))


def logits_of(words, source_labels):
    """What a perfect model would say: 5 for the gold label, 0 for others, noise elsewhere."""
    generator = np.random.default_rng(0)
    found = []
    for window, number, of in zip(words.windows, words.sentence_of, words.words, strict=True):
        scores = generator.normal(size=(len(window) + 2, len(LABELS)), scale=9)
        scores[window.positions] = 0
        for position, word in zip(window.positions, of, strict=True):
            scores[position, IDS[source_labels[number][word]]] = 5
        found.append(scores.astype(np.float32))
    return found


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=30), min_size=1, max_size=3), st.data())
def test_every_word_gets_its_own_label_back(texts, data):
    labels = [
        [data.draw(st.sampled_from(["B-p", "O"])) for _ in of_sentence] for of_sentence in texts
    ]
    words = window_words(
        [sentence(*pair) for pair in zip(texts, labels, strict=True)], TOKENIZER, 9
    )
    part = label_words(words, logits_of(words, labels), LabelDecoder(LABELS))
    assert part.gold == part.predicted == labels
    assert all(np.isfinite(of).all() for of in part.probabilities)
    assert words.words_cut() == 0 and words.recall_ceiling() == 1.0


def test_source_marks_each_word_once_at_its_first_wordpiece():
    words = window_words([sentence(["Community-acquired", "pain"], ["B-p", "I-p"])], TOKENIZER, 9)
    source = words.source(IDS, 9)
    assert source.num_examples == len(words.windows)
    rows = np.arange(source.num_examples)
    features = source.parser("x")(rows, 0)
    tags = features["tags"].numpy()
    assert sorted(tags[tags > 0].tolist()) == [1, 2]
    first = TOKENIZER.encode("Community-acquired")[0]
    row, place = np.argwhere(tags == 1)[0]
    assert features["token_ids"].numpy()[row, place] == first
    # A label that the model does not have counts in no loss.
    unknown = words.source({"O": 0}, 9).parser("x")(rows, 0)["tags"].numpy()
    assert not unknown.any()


def test_truncated_words_are_outside_and_counted():
    labels = ["B-p", "O", "B-p", "I-p"]
    texts = [sentence(["pain", "\u200b", "Community-acquired", "pain"], labels)]
    ids = reference_label_ids("conll", LABELS)
    words = truncate_words("test", texts, ids, TOKENIZER, 6)
    assert words.kept == [[0]] and words.words_cut() == 3
    assert words.recall_ceiling() == 0.5
    part = label_words(words, logits_of(words, [labels]), LabelDecoder(LABELS))
    assert part.predicted == [["B-p", "O", "O", "O"]]
    assert np.isnan(part.probabilities[0][1:]).all()
    # Training sees what the reference's does: the first piece of the word that was cut, too.
    tags = words.source(IDS, 6).parser("x")(np.arange(1), 0)["tags"].numpy()
    assert tags[0].tolist() == [0, 1, 1, 0, 0, 0]


def test_no_words_at_all():
    with pytest.raises(ValueError, match="sentences with words"):
        window_words([sentence([])], TOKENIZER, 9).source(IDS, 9, ["f.tsv"])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
