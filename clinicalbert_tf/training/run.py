"""One pretraining run, from its settings to its results."""

import dataclasses
import os
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from clinicalbert_tf.input_pipeline.damage import READ_ERRORS, find_damage
from clinicalbert_tf.input_pipeline.dataset import (
    RecordOrder,
    evaluation_batches,
    number_of_batches,
    training_batches,
)
from clinicalbert_tf.input_pipeline.shards import RecordSource
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.restore.tf1 import restore_checkpoint
from clinicalbert_tf.restore.variable_names import pretraining_variables
from clinicalbert_tf.training import run_record
from clinicalbert_tf.training.checkpoints import (
    Checkpoints,
    checkpoint_step,
    newest_state,
)
from clinicalbert_tf.training.evaluation import evaluate, write_eval_results
from clinicalbert_tf.training.hooks import LoopHook
from clinicalbert_tf.training.inputs import (
    CONFIG_NAME,
    VOCABULARY_NAME,
    PretrainingInputs,
    find_inputs,
)
from clinicalbert_tf.training.loop import LoopSettings, TrainingLoop
from clinicalbert_tf.training.losses import PretrainingObjective
from clinicalbert_tf.training.optimizer import AdamWeightDecay, WarmupLinearDecay
from clinicalbert_tf.training.private_files import make_private_folder, write_private
from clinicalbert_tf.training.progress import Progress
from clinicalbert_tf.training.settings import DECISIVE, PretrainingSettings
from clinicalbert_tf.training.step import Stepper
from clinicalbert_tf.training.strategy import build_strategy, check_batch_size, is_chief
from clinicalbert_tf.training.summaries import Summaries, TrainingSummaries


def run_pretraining(settings: PretrainingSettings) -> dict[str, Any]:
    """Trains, evaluates, or both.

    Args:
        settings: what to do.

    Returns:
        "train": the last step's scalars, where anything was trained; "eval": what
        eval_results.txt holds, where anything was evaluated.

    Raises:
        FileNotFoundError, ValueError: inputs, devices or an earlier run in output_dir do not fit.
        NonFiniteLossError: the loss became NaN or infinite.
        CorruptRecordsError, CorruptCheckpointError: a file is damaged; the message names it.
    """
    inputs = find_inputs(settings)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = build_strategy(
        settings.strategy,
        settings.num_replicas,
        settings.tpu_name,
        settings.tpu_zone,
        settings.gcp_project,
    )
    replicas = strategy.num_replicas_in_sync
    if settings.do_train:
        check_batch_size("train_batch_size", settings.train_batch_size, replicas)
    if settings.do_eval:
        check_batch_size("eval_batch_size", settings.eval_batch_size, replicas)
    make_private_folder(settings.output_dir)
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        model = build_pretraining_model(inputs.config)
    run = _Run(settings, inputs, strategy, model)
    results = {}
    if settings.do_train:
        results["train"] = run.train()
    if settings.do_eval:
        results["eval"] = run.evaluate()
    return results


class _Run:
    """What the steps of one run share."""

    def __init__(self, settings, inputs, strategy, model):
        self.settings: PretrainingSettings = settings
        self.inputs: PretrainingInputs = inputs
        self.strategy: tf.distribute.Strategy = strategy
        self.model = model
        self.chief = is_chief(strategy)
        self.stepper: Stepper | None = None

    def train(self) -> dict[str, float]:
        settings = self.settings
        with self.strategy.scope():
            optimizer = self._optimizer()
        checkpoints = Checkpoints(
            settings.output_dir, self.model, optimizer, settings.keep_checkpoint_max
        )
        first_step, prefix = self._start(checkpoints)
        self.stepper = Stepper(
            self.strategy,
            self.model,
            PretrainingObjective(),
            optimizer,
            settings.seed,
            settings.jit_compile,
        )
        loop = TrainingLoop(
            self.stepper,
            LoopSettings(
                settings.num_train_steps,
                settings.save_checkpoints_steps,
                settings.steps_per_loop,
            ),
            save=lambda step: self._save(checkpoints, step),
            hooks=self._hooks(),
        )
        try:
            return loop.run(self._training_iterator(first_step), first_step, prefix)
        except READ_ERRORS:
            damage = find_damage(self.inputs.records)
            if damage is not None:
                raise damage from None
            raise

    def _hooks(self) -> list[LoopHook]:
        """What happens around the steps; the chief alone writes shared files."""
        hooks: list[LoopHook] = [Progress()]
        if self.chief:
            hooks.append(TrainingSummaries(self.settings.output_dir))
        return hooks

    def evaluate(self) -> dict[str, float]:
        if self.stepper is None:
            step = self._restore_for_evaluation()
            self.stepper = Stepper(self.strategy, self.model, PretrainingObjective())
        else:
            step = int(self.stepper.optimizer.step.numpy())
        source, settings = self.inputs.eval_records, self.settings
        batches = number_of_batches(source, settings.eval_batch_size, settings.max_eval_steps)
        dataset = self.strategy.distribute_datasets_from_function(
            lambda context: evaluation_batches(source, settings.eval_batch_size, batches, context)
        )
        try:
            results = evaluate(self.stepper, iter(dataset), batches)
        except READ_ERRORS:
            damage = find_damage(source)
            if damage is not None:
                raise damage from None
            raise
        if self.chief:
            summaries = Summaries(os.path.join(settings.output_dir, "eval"))
            summaries.scalars(step, results)
            summaries.close()
            write_eval_results(settings.output_dir, {"global_step": step, **results})
            if not settings.do_train:
                run_record.write_run_record(
                    settings.output_dir, self._record(), run_record.EVALUATION_NAME
                )
        return {"global_step": step, **results}

    def _optimizer(self) -> AdamWeightDecay:
        settings = self.settings
        variables = [(m.tf1_name, m.variable) for m in pretraining_variables(self.model)]
        schedule = WarmupLinearDecay(
            settings.learning_rate, settings.num_train_steps, settings.num_warmup_steps
        )
        return AdamWeightDecay(variables, schedule)

    def _start(self, checkpoints: Checkpoints) -> tuple[int, str | None]:
        """Resumes what lies in the output folder, or starts afresh: (step, checkpoint)."""
        settings, record = self.settings, self._record()
        state = newest_state(settings.output_dir)
        if state is not None:
            run_record.check_resumable(settings.output_dir, record, DECISIVE)
            checkpoints.restore(state)
            logging.info("Resuming from %s.", state.prefix)
        elif self.inputs.init_checkpoint is not None:
            report = restore_checkpoint(
                self.model, self.inputs.init_checkpoint, allow_missing_heads=True
            )
            logging.info("%s", report)
        else:
            logging.info("Starting from fresh weights (seed %d).", settings.seed)
        if self.chief:
            checkpoints.remove_unfinished()
            run_record.write_run_record(settings.output_dir, record)
            self._copy_model_files()
        return (0, None) if state is None else (state.step, state.prefix)

    def _save(self, checkpoints: Checkpoints, step: int) -> str:
        if not self.chief:
            return os.path.join(self.settings.output_dir, f"model.ckpt-{step}")
        batch_size = self.settings.train_batch_size
        return checkpoints.save({"records_read": step * batch_size, "seed": self.settings.seed})

    def _training_iterator(self, first_step: int):
        settings, source = self.settings, self.inputs.records
        order = RecordOrder(settings.seed, settings.shuffle_buffer)
        dataset = self.strategy.distribute_datasets_from_function(
            lambda context: training_batches(
                source, order, settings.train_batch_size, first_step, context
            )
        )
        return iter(dataset)

    def _restore_for_evaluation(self) -> int:
        """Restores the newest checkpoint of the output folder, or else the one to start from."""
        state = newest_state(self.settings.output_dir)
        if state is not None:
            logging.info("%s", restore_checkpoint(self.model, state.prefix))
            return checkpoint_step(state.prefix)
        if self.inputs.init_checkpoint is None:
            raise FileNotFoundError(
                f"Expected a checkpoint to evaluate, found none in {self.settings.output_dir}. "
                "Give --init_checkpoint, or the --output_dir of a run."
            )
        logging.info("%s", restore_checkpoint(self.model, self.inputs.init_checkpoint))
        # As in the reference, a checkpoint that a run starts from is its step 0.
        return 0

    def _copy_model_files(self) -> None:
        output_dir = self.settings.output_dir
        write_private(os.path.join(output_dir, CONFIG_NAME), self.inputs.config.to_json_string())
        if self.inputs.vocab_file is not None:
            with open(self.inputs.vocab_file, encoding="utf-8", newline="") as file:
                write_private(os.path.join(output_dir, VOCABULARY_NAME), file.read())

    def _record(self) -> dict[str, Any]:
        inputs, devices = self.inputs, tf.config.list_physical_devices("GPU")
        return {
            "command": "pretrain",
            "settings": dataclasses.asdict(self.settings),
            "bert_config": inputs.config.to_dict(),
            "inputs": {
                "records": _describe(inputs.records),
                "eval_records": _describe(inputs.eval_records),
                "vocabulary": run_record.describe_file(inputs.vocab_file),
                "init_checkpoint": inputs.init_checkpoint
                and {
                    "prefix": inputs.init_checkpoint,
                    "fingerprint": run_record.init_fingerprint(inputs.init_checkpoint),
                },
            },
            "num_replicas": self.strategy.num_replicas_in_sync,
            "devices": [device.name for device in devices] or ["CPU"],
            "versions": run_record.versions(),
        }


def _describe(source: RecordSource | None) -> dict[str, Any] | None:
    return source and {
        "files": list(source.paths),
        "num_records": source.num_records,
        "max_seq_length": source.max_seq_length,
        "max_predictions_per_seq": source.max_predictions_per_seq,
        "fingerprint": source.fingerprint,
    }
