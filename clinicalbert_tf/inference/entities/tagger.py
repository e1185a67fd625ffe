"""A trained tagger on raw texts: any length, exact offsets, bounded memory."""

import collections
import dataclasses
import itertools
import os
from collections.abc import Iterable, Iterator

import numpy as np

from clinicalbert_tf.checkpoints.checkpoint_files import list_checkpoints
from clinicalbert_tf.checkpoints.task_file import TaskDescription
from clinicalbert_tf.modeling.viterbi import ViterbiDecoder
from clinicalbert_tf.run_files import BEST_FOLDER
from clinicalbert_tf.tasks.tagging.decoding import LabelDecoder, chosen_probabilities
from clinicalbert_tf.texts.tags import split_tag
from clinicalbert_tf.texts.word_windows import WordWindow, WordWindows
from clinicalbert_tf.texts.words import split_words

# Tokens of a batch, padding included, and windows that are sorted by length among each other.
_BATCH_TOKENS = 4096
_WINDOWS_AT_ONCE = 512
_DEFAULT_WORD_RULE = "punctuation"


# Slots: a note of a million words has a hundred thousand of them.
@dataclasses.dataclass(frozen=True, slots=True)
class Entity:
    """An entity of a text.

    Attributes:
        start: first character.
        end: the character after the last one.
        label: its type.
        probability: mean over its words of their labels' probabilities.
    """

    start: int
    end: int
    label: str
    probability: float


class EntityTagger:
    """Finds entities in texts.

    Args:
        bert: what from_pretrained returned for a fine-tuned tagger.
        word_rule: how texts become words, one of texts.words.WORD_RULES; None as in training.
        batch_tokens: tokens of a batch, padding included.

    Attributes:
        labels: the labels of words.
        word_rule: how texts become words.

    Raises:
        ValueError: the model is no tagger, or its labels are no tags.
    """

    def __init__(self, bert, word_rule: str | None = None, batch_tokens: int = _BATCH_TOKENS):
        task: TaskDescription | None = bert.task
        if task is None or task.head not in ("tagger", "crf_tagger"):
            raise ValueError(
                f"{bert.source.path}: expected a model that was trained on entities, received "
                f"{'a ' + task.head if task else 'one without a task'}. Give a run folder of "
                "python -m clinicalbert_tf.run_i2b2."
            )
        self.labels = _word_labels(task, bert.source.path)
        self.word_rule = word_rule or task.settings.get("word_rule", _DEFAULT_WORD_RULE)
        length = min(task.max_seq_length or 128, bert.config.max_position_embeddings)
        self._windows = WordWindows(bert.tokenizer, length, task.settings.get("window_stride"))
        crf = None
        if task.head == "crf_tagger":
            layer = bert.task_model.crf_scores
            crf = [variable.numpy() for variable in (layer.begin, layer.follow, layer.end)]
        constrained = task.settings.get("constrained", True)
        self._decoder = LabelDecoder(self.labels, constrained, crf)
        columns = [task.labels.index(label) for label in self.labels]
        self._predictor = _predictor(bert.task_model, columns, batch_tokens)

    def __call__(self, text: str, min_probability: float | None = None) -> list[dict]:
        """Returns the entities of a text, in order.

        Args:
            text: any text.
            min_probability: also a word outside all entities whose most likely type has at least
                this probability, one span per word; None for the entities alone.

        Returns:
            [{"start", "end", "label", "probability"}], offsets in characters, end exclusive.
        """
        found = self.entities(text, min_probability)
        return [dataclasses.asdict(entity) for entity in found]

    def entities(self, text: str, min_probability: float | None = None) -> Iterator[Entity]:
        """Yields the entities of a text, in order, in memory that does not grow with the text."""
        for _, found in self.entities_of_notes([text], min_probability):
            yield from found

    def entities_of_notes(
        self, texts: Iterable[str], min_probability: float | None = None
    ) -> Iterator[tuple[int, list[Entity]]]:
        """Labels many texts, windows of like lengths together.

        Args:
            texts: the texts.
            min_probability: as in __call__.

        Yields:
            (number of the text, entities that became known), numbers in order; a long text has
            several parts, and every text has a last one, which may be empty.
        """
        notes: collections.deque[_Note] = collections.deque()
        waiting: list[tuple[_Note, WordWindow]] = []

        def label_waiting() -> None:
            if not waiting:
                return
            token_ids = [window.token_ids for _, window in waiting]
            scores = self._predictor.predict(token_ids)["logits"]
            for (note, window), of_window in zip(waiting, scores, strict=True):
                note.push(of_window[window.positions])
            waiting.clear()

        def finished() -> Iterator[tuple[int, list[Entity]]]:
            while notes:
                yield notes[0].number, notes[0].take()
                if not notes[0].complete:
                    return
                notes.popleft()

        for number, text in enumerate(texts):
            note = _Note(number, self._decoder, min_probability)
            notes.append(note)
            for window in self._windows.windows(note.words(text, self.word_rule)):
                waiting.append((note, window))
                if len(waiting) == _WINDOWS_AT_ONCE:
                    label_waiting()
                    yield from finished()
            note.end()
        label_waiting()
        yield from finished()


class _Note:
    """What is pending of one text: words without a final label, entities that may still grow."""

    def __init__(self, number: int, decoder: LabelDecoder, min_probability: float | None):
        self.number = number
        self.complete = False
        self._ended = False
        self._labels = decoder.labels
        self._min_probability = min_probability
        self._viterbi = ViterbiDecoder(decoder.succession)
        self._spans: collections.deque[tuple[int, int]] = collections.deque()
        self._scores: collections.deque[np.ndarray] = collections.deque()
        self._open: list = []
        self._found: list[Entity] = []

    def words(self, text: str, rule: str) -> Iterator[str]:
        """The words of the text, whose places are remembered until they have labels."""
        for start, end in split_words(text, rule):
            self._spans.append((start, end))
            yield text[start:end]

    def push(self, scores: np.ndarray) -> None:
        """Takes the scores of the next words: float [words, labels]."""
        self._scores.extend(scores)
        self._take_labels(self._viterbi.push(scores))
        self._finish_if_scored()

    def end(self) -> None:
        """Says that all words have been seen; the text is complete once all have scores."""
        self._ended = True
        self._finish_if_scored()

    def _finish_if_scored(self) -> None:
        if self._ended and len(self._scores) == len(self._spans):
            self._take_labels(self._viterbi.finish())
            self._close()
            self.complete = True

    def take(self) -> list[Entity]:
        """The entities that became known since the last call."""
        found, self._found = self._found, []
        return found

    def _take_labels(self, ids: list[int]) -> None:
        if not ids:
            return
        scores = np.stack([self._scores.popleft() for _ in ids])
        probabilities = chosen_probabilities(scores, ids)
        for place, label_id in enumerate(ids):
            start, end = self._spans.popleft()
            prefix, kind = split_tag(self._labels[label_id])
            if prefix == "O":
                self._close()
                self._add_unlikely(start, end, scores[place])
                continue
            if prefix == "B" or not self._open or self._open[2] != kind:
                self._close()
                self._open = [start, end, kind, []]
            self._open[1] = end
            self._open[3].append(float(probabilities[place]))

    def _close(self) -> None:
        if self._open:
            start, end, kind, probabilities = self._open
            self._found.append(Entity(start, end, kind, float(np.mean(probabilities))))
            self._open = []

    def _add_unlikely(self, start: int, end: int, scores: np.ndarray) -> None:
        if self._min_probability is None:
            return
        likely = np.exp(scores - scores.max())
        likely /= likely.sum()
        by_kind: dict[str, float] = {}
        for label, probability in zip(self._labels, likely.tolist(), strict=True):
            if label != "O":
                kind = split_tag(label)[1]
                by_kind[kind] = by_kind.get(kind, 0.0) + probability
        kind = max(by_kind, key=by_kind.get, default=None)
        if kind is not None and by_kind[kind] >= self._min_probability:
            self._found.append(Entity(start, end, kind, by_kind[kind]))


def _predictor(model, columns: list[int], batch_tokens: int):
    """A function of windows to the scores of their tokens, one column per label of words."""
    import tensorflow as tf

    from clinicalbert_tf.inference.predictor import Predictor

    def logits(inputs):
        return {"logits": tf.gather(model(inputs, training=False)["logits"], columns, axis=-1)}

    return Predictor(logits, batch_tokens, per_token=("logits",))


def _word_labels(task: TaskDescription, path: str) -> tuple[str, ...]:
    """The labels of words; a model of other software has all its labels for words."""
    asked = task.settings.get("word_labels")
    if asked is None:
        asked = [label for label in task.labels if _is_tag(label)]
    if "O" not in asked:
        raise ValueError(
            f"{path}: expected labels O and B-TYPE, received {len(task.labels)} labels without O. "
            "Name them in the model's id2label."
        )
    return tuple(asked)


def _is_tag(label: str) -> bool:
    try:
        return split_tag(label)[0] in "BIO"
    except ValueError:
        return False


def model_folder(run: str) -> str:
    """Where the model of a run lies: its best checkpoint if there is one."""
    best = os.path.join(run, BEST_FOLDER)
    if os.path.isdir(best) and list_checkpoints(best):
        return best
    return run


def load_tagger(run: str, word_rule: str | None = None) -> EntityTagger:
    """Loads the tagger of a run folder, or of any checkpoint of one.

    Raises:
        FileNotFoundError, ValueError: there is no such model, or it is no tagger.
    """
    from clinicalbert_tf.checkpoints.pretrained import from_pretrained

    return EntityTagger(from_pretrained(model_folder(run)), word_rule)


def whole_notes(
    parts: Iterable[tuple[int, list[Entity]]],
) -> Iterator[tuple[int, list[Entity]]]:
    """Joins the parts of each text that `entities_of_notes` yields."""
    for number, of_note in itertools.groupby(parts, key=lambda part: part[0]):
        yield number, [entity for _, found in of_note for entity in found]
