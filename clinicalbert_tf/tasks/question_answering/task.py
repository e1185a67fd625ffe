"""Question answering as a task of the engine."""

import dataclasses
import json
import os
from collections.abc import Collection, Mapping
from typing import Any

from clinicalbert_tf.checkpoints import task_file
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_span_model
from clinicalbert_tf.tasks.question_answering.answering import (
    answer_questions,
    score_answers,
    score_intervals,
)
from clinicalbert_tf.tasks.question_answering.data import DEV, QuestionSet, array_source
from clinicalbert_tf.tasks.question_answering.inputs import Prepared, prepare
from clinicalbert_tf.tasks.question_answering.objective import SpanObjective
from clinicalbert_tf.tasks.question_answering.settings import QuestionAnsweringSettings
from clinicalbert_tf.tasks.task import TaskDefaults
from clinicalbert_tf.texts.question_answering.answer_files import (
    WITH_OFFSETS,
    write_reference_files,
    write_with_offsets,
)
from clinicalbert_tf.texts.question_answering.bioasq_answers import bioasq_answers, submission
from clinicalbert_tf.texts.question_answering.prediction import Prediction
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.monitor import LOSS, Monitor, Shown
from clinicalbert_tf.training.preemption import StopSignals
from clinicalbert_tf.training.run import run_training
from clinicalbert_tf.training.watching.operations import encoder_operations
from tfrecords_builder.files import make_private_folder, write_private

BIOASQ_ANSWERS = "bioasq_answers.json"
THRESHOLD_NAME = "null_threshold.json"
METRICS_NAME = "metrics.json"
# Settings that answering new questions needs.
_ANSWERING = (
    "doc_stride",
    "max_query_length",
    "n_best_size",
    "max_answer_length",
    "version_2_with_negative",
    "null_score_diff_threshold",
    "answers",
)


class QuestionAnsweringTask(TaskDefaults):
    """Extractive question answering.

    Args:
        settings: of the run.
        prepared: its data and model files, see `inputs.prepare`.
    """

    name = "run_squad"
    headline = "loss"
    shown = (
        LOSS,
        Shown("f1", "F1 (percent)", word="F1"),
        Shown("exact_match", "Exact match (percent)"),
        Shown("exact", "Exact match (percent)"),
        Shown("start_accuracy", "Start position: accuracy", "percent"),
        Shown("end_accuracy", "End position: accuracy", "percent"),
    )

    def __init__(self, settings: QuestionAnsweringSettings, prepared: Prepared):
        self._settings = settings
        self._prepared = prepared
        self.objective = SpanObjective(mask_padding=not settings.reference)
        first = next(iter(prepared.asked.values()), None)
        scored = first is not None and first.has_answers
        self.monitor = Monitor("f1", higher_is_better=True) if scored else Monitor()
        self._threshold = read_threshold(settings.output_dir)
        self._answered: dict[str, list[Prediction]] = {}

    def find_inputs(
        self, settings: QuestionAnsweringSettings, left_out: Collection[str] = ()
    ) -> RunInputs:
        """The windows to train on, those of the questions to answer, and the model."""
        prepared, length = self._prepared, settings.max_seq_length
        train = None
        if settings.do_train:
            windows = prepared.training_windows
            targets = [window.positions for window in windows]
            train = array_source(windows, targets, length, settings.train_file)
        evaluated = {
            name: array_source(asked.windows, asked.targets, length, asked.path)
            for name, asked in prepared.asked.items()
        }
        return RunInputs(
            prepared.model.config,
            train,
            evaluated,
            prepared.model.vocab_file,
            prepared.model.init_checkpoint,
            {
                task_file.NAME: json.dumps(dataclasses.asdict(self._task_file()), indent=2) + "\n",
                **prepared.model.files(),
            },
        )

    def build_model(self, config: BertConfig, settings: QuestionAnsweringSettings):
        """The span model: a start and an end logit for every position."""
        return build_span_model(config, dtype=settings.precision, recompute=settings.recompute)

    def operations(self, config: BertConfig, examples: float, length: float) -> float:
        """Matrix products of encoder and head, forward and backward."""
        head = 6.0 * 2 * examples * length * config.hidden_size
        return encoder_operations(config, examples, length) + head

    def describe(self) -> dict[str, Any]:
        """What answering new questions needs."""
        return dataclasses.asdict(self._task_file())

    def _task_file(self) -> task_file.TaskDescription:
        settings = self._settings
        return task_file.TaskDescription(
            head="span",
            task="question_answering",
            do_lower_case=self._prepared.model.do_lower_case,
            max_seq_length=settings.max_seq_length,
            settings={name: getattr(settings, name) for name in _ANSWERING},
        )

    def score(self, split: str, predictions: Mapping[str, Any]) -> dict[str, float]:
        """Exact match and F1 as the official scripts have them, in percent."""
        asked = self._prepared.asked[split]
        version_2 = self._settings.version_2_with_negative
        answering = self._settings.answering(self._threshold)
        answered = answer_questions(asked, predictions, self._prepared.tokenizer, answering)
        scores = score_answers(asked, answered, version_2)
        if split == DEV and version_2 and "best_f1_thresh" in scores:
            self._threshold = scores["best_f1_thresh"]
            answering = self._settings.answering(self._threshold)
            answered = [_decided(one, answering.null_score_diff_threshold) for one in answered]
            scores = score_answers(asked, answered, version_2)
        self._answered[split] = answered
        return scores

    def finish(self, split, results, predictions, output_dir) -> None:
        """Writes the answers, the scores and the threshold of "no answer"."""
        self.score(split, predictions)
        asked, answered = self._prepared.asked[split], self._answered[split]
        folder = output_dir
        if split == DEV:
            folder = make_private_folder(os.path.join(output_dir, DEV))
            if self._settings.version_2_with_negative:
                content = json.dumps({"null_score_diff_threshold": self._threshold})
                write_private(os.path.join(output_dir, THRESHOLD_NAME), content + "\n")
        write_answers(folder, asked, answered)
        # Numbers that JSON has no word for are those that could not be computed.
        known = {name: None if value != value else value for name, value in results.items()}
        version_2 = self._settings.version_2_with_negative
        drawn = score_intervals(asked, answered, version_2)
        text = json.dumps({"split": split, **known, "intervals_95": drawn}, indent=2)
        write_private(os.path.join(folder, METRICS_NAME), text + "\n")


def write_answers(folder: str, asked: QuestionSet, answered: list[Prediction]) -> None:
    """Writes the reference's files, predictions.jsonl and, for BioASQ, its own form."""
    write_reference_files(folder, answered)
    write_with_offsets(os.path.join(folder, WITH_OFFSETS), answered)
    of_bioasq = bioasq_answers(asked.questions, answered)
    if of_bioasq:
        text = json.dumps(submission(of_bioasq), indent=2)
        write_private(os.path.join(folder, BIOASQ_ANSWERS), text + "\n")


def read_threshold(folder: str) -> float:
    """The threshold of "no answer" that a run in this folder chose; 0 if it chose none."""
    try:
        with open(os.path.join(folder, THRESHOLD_NAME), encoding="utf-8") as file:
            return float(json.load(file)["null_score_diff_threshold"])
    except FileNotFoundError:
        return 0.0


def run_question_answering(
    settings: QuestionAnsweringSettings, signals: StopSignals | None = None, **watching: Any
) -> dict[str, Any]:
    """Trains, answers, or both.

    Args, Returns, Raises: as training.run.run_training.
    """
    settings, prepared = prepare(settings)
    task = QuestionAnsweringTask(settings, prepared)
    return run_training(task, settings, signals, **watching)


def _decided(prediction: Prediction, threshold: float) -> Prediction:
    """The same prediction under another threshold of "no answer"."""
    empty = next((answer for answer in prediction.n_best if not answer.text), None)
    best = next((answer for answer in prediction.n_best if answer.text), None)
    answer = empty if best is None or prediction.null_odds > threshold else best
    return dataclasses.replace(prediction, answer=answer or prediction.answer)
