"""Classification of texts and pairs as a task of the engine."""

import dataclasses
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from clinicalbert_tf.checkpoints.task_file import NAME as LABELS_NAME
from clinicalbert_tf.checkpoints.task_file import TaskDescription, read_task
from clinicalbert_tf.checkpoints.text_files import json_bytes
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.datasets.classification.class_weights import parse_class_weights
from clinicalbert_tf.datasets.classification.examples import Split
from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.input_pipeline.array_source import ArraySource
from clinicalbert_tf.modeling.classifier import build_classifier
from clinicalbert_tf.run_files import BEST_FOLDER
from clinicalbert_tf.tasks.classification import results
from clinicalbert_tf.tasks.classification.choosing import choose_decision, with_threshold
from clinicalbert_tf.tasks.classification.decision import Decision, decision_of
from clinicalbert_tf.tasks.classification.objective import TARGETS, ClassificationObjective
from clinicalbert_tf.tasks.classification.scores import (
    errors_by_length,
    positive_label,
    score_split,
    without_labels,
)
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from clinicalbert_tf.tasks.classification.sources import make_source, target_arrays
from clinicalbert_tf.tasks.classification.watched import monitor_of, shown_of
from clinicalbert_tf.tasks.starting_model import StartingModel, check_size, find_model
from clinicalbert_tf.tasks.task import TaskDefaults
from clinicalbert_tf.training.evaluation import Predictions
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.watching.operations import encoder_operations
from tfrecords_builder.files import write_private
from tfrecords_builder.tokenization import BertTokenizer

# The label of a regression's one output.
_NUMBER = ("number",)


class ClassificationTask(TaskDefaults):
    """Fine-tunes BERT to classify texts or pairs, and scores it.

    Args:
        settings: of the run.
        data: the examples, read and checked.
        evaluated: the splits that are evaluated, "dev" first.

    Attributes:
        decision: how logits become labels; chosen on dev by `finish`.
        scored: {split: what metrics.json says}, of the splits that were finished.
    """

    name = "run_classifier"

    def __init__(
        self,
        settings: ClassificationSettings,
        data: LabelledData,
        evaluated: Sequence[str] = ("dev", "test"),
    ):
        self.settings = settings
        self.data = data
        self.evaluated = tuple(name for name in evaluated if name in data.splits)
        self.class_weights = parse_class_weights(
            settings.class_weights, data.labels, data.splits["train"].examples
        )
        self.objective = ClassificationObjective(
            data.problem_type, self.class_weights, settings.label_smoothing
        )
        self.monitor = monitor_of(data)
        self.shown = shown_of(self.monitor)
        positive = positive_label(data.problem_type, data.labels)
        self.decision = Decision(data.problem_type, data.labels, positive_label=positive)
        self.scored: dict[str, dict[str, Any]] = {}
        self.probabilities: dict[str, np.ndarray] = {}
        self._lower = False
        self._lengths: dict[str, np.ndarray] = {}

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the model's outputs."""
        return self.data.labels or _NUMBER

    def find_inputs(
        self, settings: ClassificationSettings, left_out: Collection[str] = ()
    ) -> RunInputs:
        """The encoder with its vocabulary, and the examples tokenized with it."""
        model = find_model(settings)
        check_size(model.config, settings.max_seq_length, self.data.is_pair)
        tokenizer = model.tokenizer()
        self._lower = model.do_lower_case
        if not settings.do_train:
            self._take_kept_decision(model)
        wanted = ({"train"} if settings.do_train else set()) | set(self.evaluated)
        sources = {name: self.make_source(name, tokenizer) for name in wanted}
        self._lengths = {name: self.lengths(name, source) for name, source in sources.items()}
        return RunInputs(
            model.config,
            sources["train"] if settings.do_train else None,
            {name: sources[name] for name in self.evaluated if settings.do_eval},
            model.vocab_file,
            model.init_checkpoint,
            files={LABELS_NAME: self._labels_text(), **model.files()},
        )

    def make_source(self, split: str, tokenizer: BertTokenizer) -> ArraySource:
        """The examples of a split, tokenized."""
        settings, data = self.settings, self.data
        return make_source(
            data.splits[split], data.labels, data.problem_type, tokenizer,
            settings.max_seq_length, settings.features,
        )  # fmt: skip

    def lengths(self, split: str, source: ArraySource) -> np.ndarray:
        """Tokens of each example of a split, int [examples]."""
        return source.token_counts

    def build_model(self, config: BertConfig, settings: ClassificationSettings):
        """Encoder, pooler and one dense layer."""
        model = build_classifier(
            config, len(self.output_names), dtype=settings.precision, recompute=settings.recompute
        )
        self.set_prior(model)
        return model

    def set_prior(self, model) -> None:
        """Starts each of several labels at its frequency, which steps need not be spent on.

        A label of few examples would otherwise begin at one half, and the first hundreds of steps
        would only teach that it is rare. A head that is restored later takes its own bias along.

        Source: Lin et al. 2017, Focal Loss for Dense Object Detection, section 3.3.
        """
        if self.data.problem_type != "multi":
            return
        targets = target_arrays(self.data.splits["train"].examples, self.data.labels, "multi")
        labels = targets[TARGETS]
        prior = (labels.sum(axis=0) + 0.5) / (len(labels) + 1.0)
        model.head.bias.assign(np.log(prior) - np.log1p(-prior))

    def operations(self, config: BertConfig, examples: float, length: float) -> float:
        """Matrix products of encoder and pooler, forward and backward."""
        return encoder_operations(config, examples, length) + 6.0 * examples * config.hidden_size**2

    def describe(self) -> dict[str, Any]:
        """What using the model needs, and what a resumed run must share."""
        data = self.data
        return {
            "task": "classification",
            "data_set": data.spec.name,
            "problem_type": data.problem_type,
            "labels": list(data.labels),
            "is_pair": data.is_pair,
            "class_weights": list(self.class_weights),
        }

    def score(self, split: str, predictions: Predictions) -> Mapping[str, float | None]:
        """The figures that choose the best checkpoint, of labelled splits."""
        if not self.data.splits[split].has_labels:
            return {}
        probabilities = self.decision.probabilities(predictions["logits"])
        decision = self.decision
        if split == "dev" and self.data.problem_type == "multi" and self.settings.tune_threshold:
            # At one half no rare label may be predicted for long, and every checkpoint scores 0.
            decision = with_threshold(
                decision, probabilities, self.targets(split), self.monitor.metric
            )
        scored = self._scores(split, probabilities, 0, decision)
        return {name: value for name, value in scored.items() if _is_figure(value)}

    def finish(
        self, split: str, results_of_run: Mapping[str, float], predictions: Predictions, output_dir
    ) -> None:
        """Chooses threshold and temperature (dev), writes predictions and metrics.json."""
        logits = predictions["logits"]
        if split == "dev" and self.settings.do_train:
            if self.data.splits["dev"].has_labels:
                self.decision = choose_decision(
                    *(self.decision, self.settings, logits, self.targets("dev")),
                    *(self.monitor.metric, self.data.spec.counted_labels),
                )
            for folder in (output_dir, os.path.join(output_dir, BEST_FOLDER)):
                if os.path.isdir(folder):
                    write_private(os.path.join(folder, LABELS_NAME), self._labels_text())
        probabilities = self.decision.probabilities(logits)
        self.probabilities[split] = probabilities
        examples = self.data.splits[split].examples
        rows = results.prediction_rows(
            examples, probabilities, self.decision, self.settings.show_text
        )
        results.write_predictions(os.path.join(output_dir, results.predictions_name(split)), rows)
        if split == "test":
            results.write_test_results(output_dir, probabilities)
        self.scored[split] = self._all_scores(split, results_of_run, probabilities)
        results.add_metrics(
            output_dir,
            {
                split: self.scored[split],
                "decision": self.decision.to_json(),
                "monitor": dataclasses.asdict(self.monitor),
            },
        )

    def targets(self, split: str) -> np.ndarray:
        """The targets of a split's examples."""
        examples = self.data.splits[split].examples
        return target_arrays(examples, self.data.labels, self.data.problem_type)[TARGETS]

    def groups(self, split: str) -> list[str] | None:
        """The groups of a split's examples, or None if they have none."""
        groups = [example.group for example in self.data.splits[split].examples]
        return groups if all(group is not None for group in groups) else None

    def _scores(
        self, split: str, probabilities: np.ndarray, draws: int, decision: Decision
    ) -> dict[str, Any]:
        counted = self.data.spec.counted_labels
        groups = self.groups(split) if draws else None
        return score_split(decision, self.targets(split), probabilities, counted, draws, groups)

    def _all_scores(self, split: str, results_of_run, probabilities) -> dict[str, Any]:
        read: Split = self.data.splits[split]
        head = {"split": split, "file": read.path, "step": int(results_of_run["global_step"])}
        if not read.has_labels:
            return head | without_labels(len(read))
        scored = self._scores(split, probabilities, self.settings.bootstrap, self.decision)
        self._warn_of_one_class(split, scored)
        if self.data.problem_type == "single":
            wrong = self.decision.decide(probabilities) != self.targets(split)
            scored["errors_by_length"] = errors_by_length(self._lengths[split], wrong)
        loss = float(results_of_run["loss"])
        return head | {"loss": loss if np.isfinite(loss) else None} | scored

    def _warn_of_one_class(self, split: str, scored: Mapping[str, Any]) -> None:
        if self.data.problem_type != "single":
            return
        counts = {label: found["predicted"] for label, found in scored["per_class"].items()}
        if sum(count > 0 for count in counts.values()) == 1:
            gold = {label: found["gold"] for label, found in scored["per_class"].items()}
            logging.warning(
                "Every prediction on %s is the same label (predicted %s, labels %s): the run has "
                "learnt nothing. Try another --seed, more epochs, a lower --learning_rate, or "
                "--class_weights=balanced.",
                *(split, counts, gold),
            )

    def _take_kept_decision(self, model: StartingModel) -> None:
        """Takes threshold and temperature of a model that is evaluated only."""
        source = model.init_checkpoint
        kept = read_task(self.settings.output_dir) if source is None else source.task
        trained = () if kept is None else tuple(kept.settings.get("sections") or ())
        if trained != self.data.sections:
            logging.warning(
                "The model was trained on sections %s, and is evaluated on %s: give the same "
                "--sections.",
                *(", ".join(kinds) or "of every kind" for kinds in (trained, self.data.sections)),
            )
        if kept is not None and kept.labels == self.output_names:
            data = self.data
            self.decision = decision_of(data.problem_type, data.labels, kept.settings)

    def _labels_text(self) -> str:
        """labels.json: what the model is for and how its outputs are read."""
        data = self.data
        description = TaskDescription(
            head="classifier",
            labels=self.output_names,
            problem_type=data.problem_type,
            task="classification",
            do_lower_case=self._lower,
            max_seq_length=self.settings.max_seq_length,
            settings=self.use_settings(),
        )
        return json_bytes(dataclasses.asdict(description)).decode()

    def use_settings(self) -> dict[str, Any]:
        """What labels.json says besides labels: all that a use of the model must repeat."""
        return {
            "data_set": self.data.spec.name,
            "is_pair": self.data.is_pair,
            "features": self.settings.features,
            "sections": list(self.data.sections),
            **self.decision.to_json(),
        }


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not isinstance(value, bool))
