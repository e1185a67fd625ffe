"""Answers to questions about texts of any length, from a model that run_squad trained."""

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from clinicalbert_tf.checkpoints.checkpoint_files import list_checkpoints
from clinicalbert_tf.checkpoints.pretrained import from_pretrained
from clinicalbert_tf.inference.predictor import Predictor
from clinicalbert_tf.tasks.question_answering.task import THRESHOLD_NAME, read_threshold
from clinicalbert_tf.texts.question_answering.answers import predict
from clinicalbert_tf.texts.question_answering.prediction import (
    AnswerSettings,
    PredictedAnswer,
    Prediction,
)
from clinicalbert_tf.texts.question_answering.question import Question
from clinicalbert_tf.texts.question_answering.windows import (
    EncodedQuestion,
    Window,
    WindowMaker,
    WindowSettings,
)

_DEFAULT_LENGTH = 384
# Enough for batches of equal length; what is held of each token are its two logits.
_BLOCK_TOKENS = 1 << 16


class QuestionAnswerer:
    """Answers questions by a part of their context.

        answer = clinicalbert_tf.pipeline("question_answering", "runs/squad")
        answer(question="Which drug was given?", context=note)
        -> {"answer": "furosemide", "start": 112, "end": 122, "score": 0.97}

    `context[start:end]` is the answer; "" with start and end None for no answer. `score` is its
    share among the best answers. Nothing is logged.

    Args:
        model: the folder of a run (its best checkpoint is taken), or any checkpoint with a span
            head.
        n_best_size: answers among which `score` is a share.
        max_answer_length: wordpieces of an answer at most; None as in training.
        null_score_diff_threshold: how much "no answer" must score above the best answer; None for
            the threshold that the run chose. Of SQuAD 2.0 models only.
        batch_tokens: places per batch, padding included.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: it has no span head.
    """

    def __init__(
        self,
        model: str,
        n_best_size: int = 20,
        max_answer_length: int | None = None,
        null_score_diff_threshold: float | None = None,
        batch_tokens: int = 4096,
    ):
        folder = _best_folder(model)
        bert = from_pretrained(folder)
        task = bert.task
        if task is None or task.head != "span":
            raise ValueError(
                f"{folder}: expected a model that answers questions, received "
                f"{'no fine-tuned one' if task is None else 'a ' + task.head}. Give the folder of "
                "a run of `python -m clinicalbert_tf.run_squad`."
            )
        known = task.settings
        length = min(task.max_seq_length or _DEFAULT_LENGTH, bert.config.max_position_embeddings)
        query = min(known.get("max_query_length", 64), length - 4)
        windows = WindowSettings(length, known.get("doc_stride", length // 3), query)
        if null_score_diff_threshold is None:
            null_score_diff_threshold = _threshold(folder, known)
        self.settings = AnswerSettings(
            n_best_size=n_best_size,
            max_answer_length=max_answer_length or known.get("max_answer_length", 30),
            version_2=known.get("version_2_with_negative", False),
            null_score_diff_threshold=null_score_diff_threshold,
        )
        self._maker = WindowMaker(bert.tokenizer, windows)
        self._starts_word = bert.tokenizer.starts_word
        self._predictor = _predictor(bert.task_model, batch_tokens)

    def __call__(
        self,
        question: str | Sequence[str],
        context: str | Sequence[str],
        top_k: int = 1,
    ) -> dict | list:
        """Answers one question, or several.

        Args:
            question: a question, or a list of them.
            context: its text of any length, a list of as many, or one text for all questions.
            top_k: answers per question.

        Returns:
            For one question a dict (a list of dicts if top_k is above 1); for a list of questions
            a list of those, in order. Keys: "answer", "start", "end", "score".

        Raises:
            ValueError: there are not as many contexts as questions.
        """
        single = isinstance(question, str)
        questions = [question] if single else list(question)
        contexts = [context] * len(questions) if isinstance(context, str) else list(context)
        if len(contexts) != len(questions):
            raise ValueError(
                f"Expected one context for all questions or one for each of {len(questions)}, "
                f"received {len(contexts)}."
            )
        asked = [
            Question(str(number), text, its_context)
            for number, (text, its_context) in enumerate(zip(questions, contexts, strict=True))
        ]
        answers = [_as_dicts(prediction, top_k) for prediction in self.predict_all(asked)]
        return answers[0] if single else answers

    def predict(self, question: Question) -> Prediction:
        """The prediction for a question, with its n best answers."""
        return next(self.predict_all([question]))

    def predict_all(self, questions: Iterable[Question]) -> Iterator[Prediction]:
        """The predictions for many questions, in order; windows of like lengths together."""
        encoded: list[EncodedQuestion] = []
        tokens = 0
        for question in questions:
            encoded.append(self._maker.encode(question))
            tokens += sum(len(window.token_ids) for window in encoded[-1].windows)
            if tokens >= _BLOCK_TOKENS:
                yield from self._predictions(encoded)
                encoded, tokens = [], 0
        if encoded:
            yield from self._predictions(encoded)

    def _predictions(self, encoded: list[EncodedQuestion]) -> Iterator[Prediction]:
        logits = iter(self._window_logits([w for question in encoded for w in question.windows]))
        for question in encoded:
            own = list(itertools.islice(logits, len(question.windows)))
            yield predict(question, own, self._starts_word, self.settings)

    def _window_logits(self, windows: list[Window]) -> list[tuple[np.ndarray, np.ndarray]]:
        """(start, end) logits of every window, in order."""
        if not windows:
            return []
        found = self._predictor.predict(
            [window.token_ids for window in windows],
            [window.context_start for window in windows],
        )
        return list(zip(found["start_logits"], found["end_logits"], strict=True))


def _predictor(model, batch_tokens: int) -> Predictor:
    names = ("start_logits", "end_logits")

    def logits(inputs):
        outputs = model(inputs, training=False)
        return {name: outputs[name] for name in names}

    return Predictor(logits, batch_tokens, per_token=names)


def _best_folder(model: str) -> str:
    best = os.path.join(model, "best")
    return best if os.path.isdir(best) and list_checkpoints(best) else model


def _threshold(folder: str, known: dict) -> float:
    given = known.get("null_score_diff_threshold")
    if given is not None:
        return given
    for place in (folder, os.path.dirname(os.path.abspath(folder))):
        if os.path.isfile(os.path.join(place, THRESHOLD_NAME)):
            return read_threshold(place)
    return 0.0


def _as_dicts(prediction: Prediction, top_k: int) -> dict | list[dict]:
    first = prediction.answer
    others = [answer for answer in prediction.n_best if answer is not first]
    chosen = [_as_dict(answer) for answer in [first, *others][:top_k]]
    return chosen if top_k > 1 else chosen[0]


def _as_dict(answer: PredictedAnswer) -> dict:
    return {
        "answer": answer.text,
        "start": answer.start,
        "end": answer.end,
        "score": answer.probability,
    }
