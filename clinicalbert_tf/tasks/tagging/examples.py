"""Sentences of labelled words as arrays for training, and predictions back by sentence."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.datasets.labelled_words import Sentence
from clinicalbert_tf.input_pipeline.array_source import ArraySource
from clinicalbert_tf.tasks.tagging.objective import REFERENCE_LABELS, TAGS
from clinicalbert_tf.texts.reference_word_features import (
    ReferenceFeatures,
    kept_words,
    reference_features,
)
from clinicalbert_tf.texts.word_windows import WordWindow, WordWindows
from tfrecords_builder.tokenization import BertTokenizer


@dataclasses.dataclass(frozen=True)
class TaggedWords:
    """Sentences as windows.

    Attributes:
        sentences: the sentences.
        windows: inputs of the model, those of a sentence one after the other.
        sentence_of: number of each window's sentence.
        words: per window, the numbers in the sentence of the words at its positions.
        kept: per sentence, the numbers of the words that are scored with a prediction; None for
            all. Others are scored as O.
        features: the reference's features of each sentence; () unless texts are truncated.
    """

    sentences: Sequence[Sentence] = dataclasses.field(repr=False)
    windows: Sequence[WordWindow] = dataclasses.field(repr=False)
    sentence_of: Sequence[int] = dataclasses.field(repr=False)
    words: Sequence[np.ndarray] = dataclasses.field(repr=False)
    kept: Sequence[list[int]] | None = dataclasses.field(default=None, repr=False)
    features: Sequence[ReferenceFeatures] = dataclasses.field(default=(), repr=False)

    def words_cut(self) -> int:
        """Words that are scored as O because they were cut off."""
        if self.kept is None:
            return 0
        pairs = zip(self.sentences, self.kept, strict=True)
        return sum(len(sentence.words) - len(kept) for sentence, kept in pairs)

    def recall_ceiling(self) -> float:
        """The share of entities of which every word has a prediction: no model recalls more."""
        total = within = 0
        for number, sentence in enumerate(self.sentences):
            kept = None if self.kept is None else set(self.kept[number])
            for words in _entities(sentence.labels):
                total += 1
                within += kept is None or kept.issuperset(words)
        return within / total if total else 1.0

    def tags(self, label_ids: dict[str, int]) -> list[np.ndarray]:
        """Per window, int32 [length]: a label's id plus 1 where a word is labelled, else 0."""
        tags = [np.zeros(len(window), np.int32) for window in self.windows]
        for number, window in enumerate(self.windows):
            labels = self.sentences[self.sentence_of[number]].labels
            tags[number][window.positions] = [
                label_ids.get(labels[word], -1) + 1 for word in self.words[number]
            ]
        return tags

    def source(
        self,
        label_ids: dict[str, int],
        max_seq_length: int,
        files: Sequence[str] = (),
        reference_loss: bool = False,
    ) -> ArraySource:
        """The windows as a source of examples.

        Args:
            label_ids: {label: id} from 0; words of other labels count in no loss.
            max_seq_length: tokens that batches are padded to.
            files: where the sentences come from, for run.json.
            reference_loss: whether the reference's labels of all tokens are needed.

        Raises:
            ValueError: there is no sentence, or none has a word.
        """
        if not self.windows:
            raise ValueError(
                f"Expected sentences with words in {', '.join(files) or 'the data'}, received "
                "none. Check --data_dir."
            )
        sequences = {
            "token_ids": [window.token_ids for window in self.windows],
            "segment_ids": [np.zeros(len(window), np.int32) for window in self.windows],
            TAGS: self.tags(label_ids),
        }
        if reference_loss:
            sequences[REFERENCE_LABELS] = [
                np.array(of.label_ids[: len(of.tokens)], np.int32) for of in self.features
            ]
        return ArraySource(sequences, {}, max_seq_length, files)

    def by_sentence(self, logits: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Scores of tokens as scores of words.

        Args:
            logits: per window, float [length or more, labels].

        Returns:
            Per sentence, float [words with a prediction, labels], in the order of the words.
        """
        labels = logits[0].shape[-1]
        rows: list[list[np.ndarray]] = [[] for _ in self.sentences]
        numbers: list[list[int]] = [[] for _ in self.sentences]
        for window, sentence, words, scores in zip(
            self.windows, self.sentence_of, self.words, logits, strict=True
        ):
            rows[sentence].append(scores[window.positions])
            numbers[sentence] += words.tolist()
        found = []
        for sentence, (of_sentence, words) in enumerate(zip(rows, numbers, strict=True)):
            scores = np.concatenate([np.zeros((0, labels), np.float32), *of_sentence])
            if self.kept is not None:
                keep = set(self.kept[sentence])
                scores = scores[[place for place, word in enumerate(words) if word in keep]]
            found.append(scores)
        return found

    def with_gaps(self, sentence: int, labels: Sequence[str]) -> list[str]:
        """Labels of the words with a prediction as labels of all words, O in the gaps."""
        if self.kept is None:
            return list(labels)
        full = ["O"] * len(self.sentences[sentence].words)
        for word, label in zip(self.kept[sentence], labels, strict=True):
            full[word] = label
        return full


def _entities(labels: Sequence[str]) -> list[list[int]]:
    found: list[list[int]] = []
    for number, label in enumerate(labels):
        if label[:1] == "B":
            found.append([number])
        elif label[:1] == "I" and found:
            found[-1].append(number)
    return found


def window_words(
    sentences: Sequence[Sentence],
    tokenizer: BertTokenizer,
    max_seq_length: int,
    stride: int | None = None,
) -> TaggedWords:
    """Sentences as overlapping windows in which every word is labelled once."""
    maker = WordWindows(tokenizer, max_seq_length, stride)
    windows, sentence_of, words = [], [], []
    for number, sentence in enumerate(sentences):
        for window in maker.windows(sentence.words):
            windows.append(window)
            sentence_of.append(number)
            words.append(window.first_word + np.arange(len(window.positions)))
    return TaggedWords(sentences, windows, sentence_of, words)


def truncate_words(
    part: str,
    sentences: Sequence[Sentence],
    reference_ids: dict[str, int],
    tokenizer: BertTokenizer,
    max_seq_length: int,
) -> TaggedWords:
    """Sentences cut at the maximum length, as the reference does.

    Args:
        part: train, dev or test, for the sentences' names.
        sentences: the sentences.
        reference_ids: what reference_label_ids returned.
        tokenizer: the model's tokenizer.
        max_seq_length: tokens of a sentence at most, [CLS] and [SEP] included.
    """
    features, windows, words = [], [], []
    for number, sentence in enumerate(sentences):
        of = reference_features(
            f"{part}-{number}",
            sentence.words,
            sentence.labels,
            reference_ids,
            tokenizer,
            max_seq_length,
        )
        numbers = np.array(of.tok_to_orig_map[: len(of.tokens) - 2], np.int32)
        first = np.flatnonzero(np.diff(numbers, prepend=-1))
        features.append(of)
        token_ids = np.array(of.input_ids[: len(of.tokens)], np.int32)
        windows.append(WordWindow(token_ids, first.astype(np.int32) + 1, 0))
        words.append(numbers[first])
    kept = [kept_words(of) for of in features]
    return TaggedWords(sentences, windows, range(len(sentences)), words, kept, features)
