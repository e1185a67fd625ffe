"""Questions of a run: read, checked, cut into windows, and the arrays that the engine reads."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from absl import logging

from clinicalbert_tf.datasets.questions.checked import (
    CheckedQuestions,
    check_questions,
    check_trainable,
)
from clinicalbert_tf.datasets.questions.question_files import read_questions
from clinicalbert_tf.datasets.questions.splitting import split_by_document
from clinicalbert_tf.input_pipeline.array_source import ArraySource
from clinicalbert_tf.tasks.question_answering.settings import QuestionAnsweringSettings
from clinicalbert_tf.texts.question_answering.answer_offsets import located_question
from clinicalbert_tf.texts.question_answering.question import Question
from clinicalbert_tf.texts.question_answering.reference_features import (
    ReferenceExample,
    reference_example,
    reference_windows,
)
from clinicalbert_tf.texts.question_answering.windows import (
    NO_ANSWER,
    EncodedQuestion,
    Window,
    WindowMaker,
    training_windows,
)
from tfrecords_builder.tokenization import BertTokenizer

DEV, PREDICT = "dev", "predict"


@dataclasses.dataclass(frozen=True, eq=False)
class QuestionSet:
    """Questions to answer, with their windows.

    Attributes:
        path: where they come from.
        encoded: the questions and their windows.
        examples: for each the reference's example, with --answers=reference; else empty.
        targets: for each window, in order, (start, end) to learn or None.
    """

    path: str
    encoded: list[EncodedQuestion] = dataclasses.field(repr=False)
    examples: list[ReferenceExample] = dataclasses.field(repr=False)
    targets: list[tuple[int, int] | None] = dataclasses.field(repr=False)

    @property
    def questions(self) -> list[Question]:
        """The questions in order."""
        return [one.question for one in self.encoded]

    @property
    def windows(self) -> list[Window]:
        """All windows in order."""
        return [window for one in self.encoded for window in one.windows]

    @property
    def has_answers(self) -> bool:
        """Whether the file says of any question what its answer is, or that it has none."""
        return any(q.answers or q.is_impossible is not None for q in self.questions)


def read_set(path: str, settings: QuestionAnsweringSettings) -> list[Question]:
    """The questions of a file as it has them; offsets are not checked yet.

    Raises:
        FileNotFoundError, ValueError: see datasets.questions.question_files.
    """
    return read_questions(path, settings.dataset_format, settings.answer_unit, settings.paraphrases)


def read_training_sets(
    settings: QuestionAnsweringSettings,
) -> tuple[list[Question], list[Question]]:
    """The questions to train on, and those held out of them for evaluation (often none).

    Raises:
        FileNotFoundError, ValueError: see `read_set`, or a question cannot be trained on.
    """
    path = settings.train_file
    questions = read_set(path, settings)
    if not settings.reference:
        checked = check_questions(questions, path, settings.leave_out_misplaced_answers)
        _say_misplaced(path, checked)
        questions = checked.questions
        if not settings.version_2_with_negative:
            # A snippet of BioASQ that does not hold the answer is no question of its own.
            questions = [q for q in questions if q.group_id == q.question_id or q.has_answer]
        check_trainable(questions, settings.version_2_with_negative, path)
    if not settings.dev_proportion:
        return questions, []
    return split_by_document(questions, settings.dev_proportion, settings.seed)


def windows_to_train(
    questions: Sequence[Question],
    settings: QuestionAnsweringSettings,
    tokenizer: BertTokenizer,
) -> list[Window]:
    """The windows that are trained on, each with its target.

    Raises:
        ValueError: no question gives a window, or the reference cannot read one.
    """
    maker = WindowMaker(tokenizer, settings.windows())
    version_2 = settings.version_2_with_negative
    chosen, without = [], 0
    for question in questions:
        if settings.reference:
            example = reference_example(question, is_training=True, version_2=version_2)
            if example is not None:
                chosen += reference_windows(maker.encode(question), example, tokenizer)
            without += example is None
            continue
        encoded = maker.encode(question)
        windows = [
            window for one in _one_by_one(encoded) for window in training_windows(one, version_2)
        ]
        chosen += windows
        without += not windows
    if without:
        logging.warning(
            *("%d of %d questions are not trained on: no window holds their answer whole.",),
            *(without, len(questions)),
        )
    if not chosen:
        raise ValueError(
            f"Expected a window that holds an answer, received none from {len(questions)} "
            f"questions of {settings.train_file}. Raise --max_seq_length, or lower --doc_stride."
        )
    return chosen


def questions_to_answer(
    path: str,
    questions: Sequence[Question],
    settings: QuestionAnsweringSettings,
    tokenizer: BertTokenizer,
) -> QuestionSet:
    """Questions with all of their windows, and targets for the loss if answers are known.

    A question whose answer cannot be located is answered and scored like others, since a score
    needs the answer's text alone.
    """
    maker = WindowMaker(tokenizer, settings.windows())
    encoded = [maker.encode(question) for question in questions]
    if settings.reference:
        examples = [
            reference_example(q, False, settings.version_2_with_negative) for q in questions
        ]
        targets = [None for one in encoded for _ in one.windows]
        return QuestionSet(path, encoded, examples, targets)
    targets = []
    for one in encoded:
        learnt = _windows_with_targets(one, settings.version_2_with_negative)
        positions = {window.first_piece: window.positions for window in learnt}
        targets += [positions.get(window.first_piece) for window in one.windows]
    return QuestionSet(path, encoded, [], targets)


def array_source(
    windows: Sequence[Window],
    targets: Sequence[tuple[int, int] | None],
    max_seq_length: int,
    path: str,
) -> ArraySource:
    """Windows as the engine reads them.

    Args:
        windows: the windows.
        targets: (start, end) of each, or None.
        max_seq_length: tokens per window at most.
        path: the file that they come from.
    """
    positions = np.array([target or NO_ANSWER for target in targets], np.int32).reshape(-1, 2)
    segments = [
        (np.arange(len(window.token_ids)) >= window.context_start).astype(np.int32)
        for window in windows
    ]
    return ArraySource(
        {"token_ids": [window.token_ids for window in windows], "segment_ids": segments},
        {
            "start_positions": positions[:, 0],
            "end_positions": positions[:, 1],
            "target_weights": np.array([target is not None for target in targets], np.float32),
        },
        max_seq_length,
        [path],
    )


def _windows_with_targets(encoded: EncodedQuestion, version_2: bool) -> list[Window]:
    located = located_question(encoded.question)
    if located is None or not (located.answers or located.is_impossible):
        return []
    return training_windows(dataclasses.replace(encoded, question=located), version_2)


def _say_misplaced(path: str, checked: CheckedQuestions) -> None:
    for done, ids in (("moved to where it stands", checked.moved), ("lost", checked.left_out)):
        if ids:
            logging.warning("%s: the answer of %d questions was %s.", path, len(ids), done)


def _one_by_one(encoded: EncodedQuestion) -> list[EncodedQuestion]:
    """A list question once for each of its answers; other questions as they are."""
    question = encoded.question
    if question.kind != "list" or len(question.answers) < 2:
        return [encoded]
    return [
        dataclasses.replace(encoded, question=dataclasses.replace(question, answers=(answer,)))
        for answer in question.answers
    ]
