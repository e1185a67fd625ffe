"""A tagger on raw texts. The model is tiny and untrained: what counts is where its labels land."""

import dataclasses
import itertools
import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.checkpoints.task_file import TaskDescription
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.inference.entities.tagger import EntityTagger, whole_notes
from clinicalbert_tf.modeling.tagger import build_tagger
from clinicalbert_tf.tasks.tagging.decoding import LabelDecoder
from clinicalbert_tf.texts.word_windows import WordWindows
from clinicalbert_tf.texts.words import split_words
from tests import support
from tfrecords_builder.tokenization import BertTokenizer

LABELS = ("B-a", "I-a", "B-b", "I-b", "O")
TEXTS = st.text(
    st.one_of(st.sampled_from("ab1 .,-/\n\r\t\u00a0\u0301\u200b\ufeffé𝒜中"), st.characters()),
    max_size=80,
)


@dataclasses.dataclass
class Bert:
    """What from_pretrained returns, as far as a tagger needs it."""

    task: TaskDescription
    config: BertConfig
    tokenizer: BertTokenizer
    task_model: object
    source: object


def slow_entities(bert, text):
    """The obvious way: all windows at once, one decoding of the whole text."""
    words = list(split_words(text, "punctuation"))
    scores = []
    for window in WordWindows(bert.tokenizer, 12, 6).windows([text[a:b] for a, b in words]):
        ids = window.token_ids[None]
        inputs = {"token_ids": ids, "segment_ids": ids * 0, "padding_mask": ids * 0 + 1}
        logits = bert.task_model(inputs, training=False)["logits"].numpy()[0]
        scores.append(logits[window.positions])
    if not words:
        return []
    layer = bert.task_model.crf_scores
    crf = [variable.numpy() for variable in (layer.begin, layer.follow, layer.end)]
    labels, chosen = LabelDecoder(LABELS, True, crf).decode(np.concatenate(scores))
    found = []
    for (start, end), label, probability in zip(words, labels, chosen, strict=True):
        if label[0] == "B":
            found.append([start, end, label[2:], [probability]])
        elif label[0] == "I":
            found[-1][1] = end
            found[-1][3].append(probability)
    return [(a, b, kind, float(np.mean(of))) for a, b, kind, of in found]


class EntityTaggerTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tokenizer = BertTokenizer(str(support.GOLDEN / "vocab" / "downstream_cased.txt"), False)
        config = BertConfig(
            vocab_size=tokenizer.vocab_size,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=32,
            type_vocab_size=2,
            initializer_range=1.0,
        )
        task = TaskDescription(
            "crf_tagger", LABELS, max_seq_length=12, settings={"window_stride": 6}
        )
        model = build_tagger(config, len(LABELS), crf=True)
        model.crf_scores.follow.assign(np.random.default_rng(0).normal(size=(5, 5)))
        source = dataclasses.make_dataclass("Source", ["path"])("runs/x")
        cls.bert = Bert(task, config, tokenizer, model, source)
        cls.tagger = EntityTagger(cls.bert)

    @settings(max_examples=60, deadline=None)
    @given(text=TEXTS)
    def test_entities_equal_those_of_the_obvious_way(self, text):
        found = self.tagger(text)
        expected = slow_entities(self.bert, text)
        self.assertEqual(
            [(e["start"], e["end"], e["label"]) for e in found], [e[:3] for e in expected]
        )
        self.assertAllClose(
            [e["probability"] for e in found], [e[3] for e in expected], rtol=0, atol=1e-4
        )
        starts = {start for start, _ in split_words(text)}
        ends = {end for _, end in split_words(text)}
        for entity in found:
            self.assertIn(entity["start"], starts)
            self.assertIn(entity["end"], ends)
            self.assertTrue(text[entity["start"] : entity["end"]].strip())

    def test_many_notes_together_equal_each_alone(self):
        texts = ["", "a b. " * 300, "pain", " \n", "He has chest pain. " * 40, ""]
        found = list(whole_notes(self.tagger.entities_of_notes(iter(texts))))
        self.assertEqual([number for number, _ in found], list(range(6)))
        for (_, together), text in zip(found, texts, strict=True):
            alone = list(self.tagger.entities(text))
            self.assertEqual(
                [(e.start, e.end, e.label) for e in together],
                [(e.start, e.end, e.label) for e in alone],
            )
            for first, second in itertools.pairwise(together):
                self.assertLessEqual(first.end, second.start)

    @pytest.mark.large
    def test_memory_is_independent_of_the_length(self):
        peaks = []
        list(self.tagger.entities("He has chest pain. " * 600))
        for repeats in (500, 8_000):
            text = "He has chest pain. " * repeats
            tracemalloc.start()
            self.assertGreater(sum(1 for _ in self.tagger.entities(text)), repeats / 10)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        self.assertLess(peaks[1], 3 * peaks[0])

    def test_unlikely_words_are_given_when_asked_for(self):
        text = "He has chest pain and was given aspirin."
        certain = self.tagger(text)
        every = self.tagger(text, min_probability=0.0)
        self.assertEqual([e for e in every if e in certain], certain)
        covered = {place for e in every for place in range(e["start"], e["end"])}
        self.assertGreaterEqual(covered, {place for place, char in enumerate(text) if char != " "})
        self.assertEqual(self.tagger(text, min_probability=1.1), certain)

    def test_a_model_without_entities_is_refused(self):
        classifier = TaskDescription("classifier", ("0", "1"), "single")
        for task in (None, classifier, TaskDescription("tagger", ("LABEL_0", "LABEL_1"))):
            other = dataclasses.replace(self.bert, task=task)
            with self.assertRaisesRegex(ValueError, "runs/x: expected"):
                EntityTagger(other)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
