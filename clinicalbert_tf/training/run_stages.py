"""The stages of one run: training, evaluations, and what both do about damaged files."""

import functools
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from clinicalbert_tf.input_pipeline.damage import damage_named
from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
from clinicalbert_tf.input_pipeline.source import Source
from clinicalbert_tf.run_files import EVALUATION_RECORD_NAME, RECORD_NAME
from clinicalbert_tf.training.cluster.workers import Workers
from clinicalbert_tf.training.evaluation import Evaluator, write_eval_results
from clinicalbert_tf.training.evaluation_hook import PeriodicEvaluation
from clinicalbert_tf.training.hooks import LoopHook
from clinicalbert_tf.training.inputs import RunInputs, model_files
from clinicalbert_tf.training.loop import LoopSettings, TrainingLoop
from clinicalbert_tf.training.preemption import StopSignals
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.states import run_record
from clinicalbert_tf.training.states.best import BestCheckpoint
from clinicalbert_tf.training.states.checkpoints import Checkpoints
from clinicalbert_tf.training.states.damaged_records import (
    find_sound_inputs,
    wait_until_recorded,
)
from clinicalbert_tf.training.states.resuming import (
    restore_best,
    restore_for_evaluation,
    start_training,
)
from clinicalbert_tf.training.states.run_description import describe_run
from clinicalbert_tf.training.states.saving import StateSaver
from clinicalbert_tf.training.step import Stepper
from clinicalbert_tf.training.updates.private_gradients import private_gradients
from clinicalbert_tf.training.updates.update_rules import build_optimizer
from clinicalbert_tf.training.watching.observers import Guarded, observers
from clinicalbert_tf.training.watching.spent import TokenCount
from clinicalbert_tf.training.watching.summaries import EvaluationSummaries
from tfrecords_builder.tfrecord_files import CorruptRecordsError


class RunStages:
    """Training and evaluations of one run, and what they share.

    Args:
        task: a tasks.task.Task.
        settings: what to do.
        inputs: what the run starts from.
        workers: the workers of the strategy.
        model: the model, built under the strategy.
        signals: what the process was asked by signals.

    Attributes:
        step: the step reached.
    """

    def __init__(
        self,
        task,
        settings: RunSettings,
        inputs: RunInputs,
        workers: Workers,
        model,
        signals: StopSignals,
    ):
        self.task = task
        self.settings = settings
        self.inputs = inputs
        self.workers = workers
        self.strategy: tf.distribute.Strategy = workers.strategy
        self.model = model
        self.signals = signals
        self.chief = workers.chief
        self.step = 0
        self.left_out: set[str] = set()
        self.tokens = TokenCount()
        self.stepper: Stepper | None = None
        self.evaluation: PeriodicEvaluation | None = None
        self.evaluation_summaries = EvaluationSummaries(settings.output_dir)

    def results(self) -> dict[str, Any]:
        """Trains, evaluates, or both; see run_training."""
        found: dict[str, Any] = {}
        if self.settings.do_train:
            found["train"] = self.train()
        if self.settings.do_eval:
            found["evaluations"] = self.evaluate()
            found["eval"] = next(iter(found["evaluations"].values()))
        return found

    def train(self) -> dict[str, float]:
        settings = self.settings
        with self.strategy.scope():
            optimizer = build_optimizer(settings, self.model, self.task.objective)
        checkpoints = Checkpoints(
            settings.output_dir, self.model, optimizer, settings.keep_checkpoint_max
        )
        self.stepper = Stepper(
            self.strategy,
            self.model,
            self.task.objective,
            optimizer,
            settings.seed,
            settings.jit_compile,
            settings.gradient_accumulation_steps,
            privacy=private_gradients(settings),
        )
        while True:
            try:
                return self._train(checkpoints)
            except CorruptRecordsError as damage:
                self._leave_out(damage)

    def _train(self, checkpoints: Checkpoints) -> dict[str, float]:
        """Trains from where the output folder stands to the end."""
        settings = self.settings
        first_step, prefix = start_training(
            self.task, settings, self.inputs, checkpoints, self.workers, self.record()
        )
        saver = StateSaver(checkpoints, self._state_content, self.chief)
        limits = LoopSettings(
            settings.num_train_steps, settings.save_checkpoints_steps, settings.steps_per_loop
        )
        hooks = self._hooks(saver, first_step)
        loop = TrainingLoop(
            self.stepper, limits, saver.save, hooks, self.signals, self.task.headline
        )
        try:
            with damage_named(self.inputs.train_source):
                return loop.run(self._training_iterator(first_step), first_step, prefix)
        finally:
            self.step = int(checkpoints.optimizer.step.numpy())

    def _hooks(self, saver: StateSaver, first_step: int) -> list[LoopHook]:
        """What happens around the steps; the chief alone writes shared files."""
        settings = self.settings
        hooks = [
            hook if hook is self.tokens else Guarded(hook)
            for hook in observers(
                *(self.task, settings, self.inputs, self.strategy, self.model),
                *(self.tokens, self.chief),
            )
        ]
        self.evaluation_summaries.resume_at(first_step)
        if settings.eval_steps is not None:
            best = None
            if self.chief:
                best = BestCheckpoint(
                    settings.output_dir, self.model, self._beside_best(), self.task.monitor
                )
            name, source = self.inputs.first_eval
            self.evaluation = PeriodicEvaluation(
                self._evaluator(name, source), settings.eval_steps,
                settings.early_stopping_patience, best, self._report_evaluation, saver.renew,
                self.signals, self.task.monitor,
            )  # fmt: skip
            hooks.append(self.evaluation)
        return hooks

    def evaluate(self) -> dict[str, dict[str, float]]:
        """The results of every split, by name, each with its global_step."""
        settings = self.settings
        if self.stepper is None:
            self.step = restore_for_evaluation(settings, self.inputs, self.model, self.workers)
            self.stepper = Stepper(self.strategy, self.model, self.task.objective)
        step = self.step
        # An evaluation of a finished run is of the weights that it chose, too.
        chose = not settings.do_train or settings.eval_steps is not None
        if chose and self.task.evaluates_best:
            step = restore_best(settings.output_dir, self.model, self.workers, step)
        found = {}
        for name in self.inputs.eval_sources:
            results, predictions = self._evaluate_split(name, step)
            found[name] = {"global_step": step, **results}
            if self.chief:
                self.task.finish(name, found[name], predictions, settings.output_dir)
        if self.chief:
            self.evaluation_summaries.close()
            write_eval_results(settings.output_dir, next(iter(found.values())))
            if not settings.do_train:
                run_record.write_run_record(
                    settings.output_dir, self.record(), EVALUATION_RECORD_NAME
                )
        return found

    def _evaluate_split(self, name: str, step: int):
        """Results and predictions at a step, from training if it made them."""
        first = name == self.inputs.first_eval[0]
        if first and self.evaluation is not None and self.evaluation.last is not None:
            last_step, results = self.evaluation.last
            if last_step == step:
                return results, self.evaluation.evaluator.predictions
        while True:
            try:
                evaluator = self._evaluator(name, self.inputs.eval_sources[name])
                results = evaluator.run()
                break
            except CorruptRecordsError as damage:
                self._leave_out(damage)
        if results is None:
            raise self.signals.interrupted("the state is saved")
        if first:
            self._report_evaluation(step, results)
        return results, evaluator.predictions

    def _evaluator(self, name: str, source: Source) -> Evaluator:
        settings = self.settings
        score = functools.partial(self.task.score, name) if self.task.predicts else None
        buckets = settings.length_buckets if self.task.predicts else 0
        return Evaluator(
            self.stepper, source, settings.eval_batch_size, settings.max_eval_steps,
            self.signals, score, buckets, self.task.predictions_in_files, settings.output_dir,
        )  # fmt: skip

    def _report_evaluation(self, step: int, results: Mapping[str, float]) -> None:
        if self.chief:
            self.evaluation_summaries.write(step, results)

    def _training_iterator(self, first_step: int):
        settings, source = self.settings, self.inputs.train_source
        order = RecordOrder(settings.seed, settings.shuffle_buffer, settings.length_pool)
        dataset = self.strategy.distribute_datasets_from_function(
            lambda context: training_batches(
                source,
                order,
                settings.train_batch_size,
                first_step,
                context,
                settings.length_buckets,
            )
        )
        return iter(dataset)

    def _state_content(self, step: int) -> dict[str, Any]:
        """What a state.json holds beside the files."""
        evaluation = {} if self.evaluation is None else self.evaluation.content
        return {
            "records_read": step * self.settings.train_batch_size,
            "seed": self.settings.seed,
            **self.tokens.content,
            **evaluation,
            **self.stepper.optimizer.state(),
        }

    def _leave_out(self, damage: CorruptRecordsError) -> None:
        """Continues without a damaged file if that was asked for; raises `damage` otherwise."""
        settings = self.settings
        if settings.on_corrupt != "skip":
            raise damage
        logging.warning("%s", damage)
        self.left_out.add(os.path.abspath(damage.path))
        self.inputs = find_sound_inputs(self.task, settings, self.left_out)
        if self.chief and settings.do_train:
            run_record.write_run_record(settings.output_dir, self.record())
        if self.workers.cluster is not None:
            # A collective operation that failed on one worker leaves the others waiting.
            raise CorruptRecordsError(f"{damage} {self._how_to_resume()}", damage.path)

    def _how_to_resume(self) -> str:
        """What to do when several workers have met damage, once run.json says all it will."""
        settings = self.settings
        if not settings.do_train:
            return "Evaluate the other files, or with --strategy=one_device, which leaves it out."
        if self.chief or wait_until_recorded(settings, self.inputs):
            return "Start all workers again: the run resumes without the file."
        return "The chief has not left it out: see its output, or name the other files."

    def record(self) -> dict[str, Any]:
        """What run.json says."""
        return describe_run(
            self.task, self.settings, self.inputs, self.strategy.num_replicas_in_sync
        )

    def _beside_best(self) -> dict[str, str]:
        """What lies beside the weights in best/."""
        return {**model_files(self.inputs), RECORD_NAME: run_record.as_text(self.record())}
