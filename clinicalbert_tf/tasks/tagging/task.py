"""Tagging of words as a task of the engine: entities, de-identification."""

import dataclasses
import json
import os
from collections.abc import Collection
from typing import Any

from absl import logging

from clinicalbert_tf.checkpoints import task_file
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.datasets.i2b2.releases import ACCOUNT_NAME
from clinicalbert_tf.metrics.intervals import Bootstrap
from clinicalbert_tf.modeling.tagger import build_tagger
from clinicalbert_tf.tasks.tagging.decoding import LabelDecoder
from clinicalbert_tf.tasks.tagging.inputs import Prepared, prepare
from clinicalbert_tf.tasks.tagging.losses import number_of_outputs
from clinicalbert_tf.tasks.tagging.objective import TaggingObjective
from clinicalbert_tf.tasks.tagging.organisers import organiser_scores
from clinicalbert_tf.tasks.tagging.results import (
    METRICS_NAME,
    LabelledPart,
    all_scores,
    headline_scores,
    label_words,
    write_part,
)
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.tasks.task import TaskDefaults
from clinicalbert_tf.texts.reference_word_features import SPECIAL_LABELS
from clinicalbert_tf.training.evaluation import Predictions
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.monitor import LOSS, Monitor, Shown
from clinicalbert_tf.training.preemption import StopSignals
from clinicalbert_tf.training.run import run_training
from clinicalbert_tf.training.watching.operations import encoder_operations
from tfrecords_builder.files import write_private


class TaggingTask(TaskDefaults):
    """A label for every word, scored by exact entities.

    Args:
        settings: of the run.
        prepared: its data and model files, see `inputs.prepare`.
    """

    name = "run_i2b2"
    monitor = Monitor("f1", higher_is_better=True)
    shown = (
        LOSS,
        Shown("f1", "Entities: exact F1", "percent", word="F1"),
        Shown("precision", "Entities: exact precision", "percent"),
        Shown("recall", "Entities: exact recall", "percent"),
        Shown("tag_accuracy", "Words: accuracy", "percent"),
    )

    def __init__(self, settings: TaggingSettings, prepared: Prepared):
        self._settings = settings
        self._prepared = prepared
        self.objective = TaggingObjective(
            len(prepared.labels), settings.loss, settings.crf, prepared.label_weights
        )
        self._model = None
        self._labelled: dict[str, LabelledPart] = {}
        self._metrics: dict[str, Any] = {}

    def find_inputs(self, settings: TaggingSettings, left_out: Collection[str] = ()) -> RunInputs:
        """The windows of each part, and the model."""
        prepared = self._prepared
        ids = {label: number for number, label in enumerate(prepared.labels)}

        def source(part: str):
            return prepared.words[part].source(
                ids, settings.max_seq_length, prepared.files, settings.loss == "reference"
            )

        return RunInputs(
            prepared.model.config,
            source("train") if settings.do_train else None,
            {part: source(part) for part in prepared.evaluated},
            prepared.model.vocab_file,
            prepared.model.init_checkpoint,
            {
                task_file.NAME: json.dumps(dataclasses.asdict(self.task_file()), indent=2) + "\n",
                **prepared.model.files(),
            },
        )

    def build_model(self, config: BertConfig, settings: TaggingSettings):
        """The tagger, with a CRF if asked."""
        self._model = build_tagger(
            config,
            number_of_outputs(len(self._prepared.labels), settings.loss),
            dtype=settings.precision,
            recompute=settings.recompute,
            crf=settings.crf,
        )
        return self._model

    def operations(self, config: BertConfig, examples: float, length: float) -> float:
        """Matrix products of encoder and head, forward and backward."""
        outputs = number_of_outputs(len(self._prepared.labels), self._settings.loss)
        head = 6.0 * examples * length * config.hidden_size * outputs
        return encoder_operations(config, examples, length) + head

    def describe(self) -> dict[str, Any]:
        """What labelling new texts needs."""
        return dataclasses.asdict(self.task_file())

    def task_file(self) -> task_file.TaskDescription:
        """What labels.json says."""
        settings, labels = self._settings, self._prepared.labels
        if settings.loss == "reference":
            labels = ("[PAD]", *labels, *SPECIAL_LABELS)
        return task_file.TaskDescription(
            head="crf_tagger" if settings.crf else "tagger",
            labels=labels,
            task=settings.task_name,
            do_lower_case=self._prepared.model.do_lower_case,
            max_seq_length=settings.max_seq_length,
            settings={
                "word_labels": list(self._prepared.labels),
                "word_rule": self._prepared.word_rule,
                "window_stride": settings.window_stride,
                "constrained": settings.constrained,
            },
        )

    def score(self, split: str, predictions: Predictions) -> dict[str, float]:
        """Exact precision, recall and F1 of entities."""
        settings = self._settings
        crf = None
        if settings.crf:
            layer = self._model.crf_scores
            crf = [variable.numpy() for variable in (layer.begin, layer.follow, layer.end)]
        decoder = LabelDecoder(self._prepared.labels, settings.constrained, crf)
        part = label_words(self._prepared.words[split], predictions["logits"], decoder)
        self._labelled[split] = part
        return headline_scores(part)

    def finish(self, split, results, predictions, output_dir) -> None:
        """Writes predictions, the reference's files and every score."""
        self.score(split, predictions)
        words, part = self._prepared.words[split], self._labelled[split]
        if self._prepared.account.entries:
            self._prepared.account.write(os.path.join(output_dir, ACCOUNT_NAME))
        write_part(split, words, part, output_dir)
        draws = self._settings.bootstrap
        bootstrap = Bootstrap(draws, seed=self._settings.seed) if draws else None
        scores = all_scores(words, part, bootstrap) | organiser_scores(
            self._settings.task_name, words.sentences, part.gold, part.predicted
        )
        self._metrics[split] = {"step": results["global_step"], "loss": results["loss"], **scores}
        text = json.dumps(self._metrics, indent=2)
        write_private(os.path.join(output_dir, METRICS_NAME), text + "\n")


def run_tagging(
    settings: TaggingSettings, signals: StopSignals | None = None, **watching: Any
) -> dict[str, Any]:
    """Trains, evaluates, or both.

    Args, Returns, Raises: as training.run.run_training.
    """
    settings, prepared = prepare(settings)
    for note in prepared.notes:
        logging.info("%s", note)
    return run_training(TaggingTask(settings, prepared), settings, signals, **watching)
