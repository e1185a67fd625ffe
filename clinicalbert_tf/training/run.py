"""One run of a task, from its settings to its results."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from clinicalbert_tf.training.cluster.strategy import build_strategy, check_batch_size
from clinicalbert_tf.training.cluster.tpu import advise_precision
from clinicalbert_tf.training.cluster.workers import Workers
from clinicalbert_tf.training.preemption import Interrupted, StopSignals
from clinicalbert_tf.training.run_stages import RunStages
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.states.damaged_records import find_sound_inputs
from clinicalbert_tf.training.states.folder_lock import lock_folder
from clinicalbert_tf.training.states.run_description import what_workers_share
from clinicalbert_tf.training.updates.accumulation import check_parts
from clinicalbert_tf.training.watching.outcome import reported
from tfrecords_builder.files import make_private_folder


def run_training(
    task,
    settings: RunSettings,
    signals: StopSignals | None = None,
    write_report: Callable[[str], str] | None = None,
) -> dict[str, Any]:
    """Trains, evaluates, or both.

    Args:
        task: a tasks.task.Task: data, model, loss and results.
        settings: what to do.
        signals: what the process was asked by signals; None if nobody listens to them.
        write_report: writes the report of a run's folder and returns its path; None for none.

    Returns:
        "train": the last step's scalars, if anything was trained; "eval": what
        eval_results.txt holds, if anything was evaluated; "evaluations": the results of every
        split by its name; "step": the step reached.

    Raises:
        FileNotFoundError, ValueError: inputs, devices or an earlier run in output_dir do not fit.
        NonFiniteLossError: the loss became NaN or infinite.
        CorruptRecordsError, CorruptCheckpointError: a file is damaged; the message names it.
        LostWorkerError: another worker ended or gave no sign of life.
        Interrupted: a signal asked to stop; started again, the run resumes.
        OSError: the last state could not be saved.
    """
    if task.predicts and settings.max_eval_steps is not None:
        raise ValueError(
            f"Expected no --max_eval_steps with {task.name}, received {settings.max_eval_steps}: "
            "its scores need every example. Drop the flag, or name a smaller set to evaluate."
        )
    inputs = find_sound_inputs(task, settings)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = _build_strategy(settings)
    make_private_folder(settings.output_dir)
    workers = Workers(strategy)
    with contextlib.ExitStack() as stack:
        stack.enter_context(reported(settings, workers.chief, write_report))
        stack.enter_context(workers.watched(settings.worker_timeout))
        if settings.do_train and workers.chief:
            stack.enter_context(lock_folder(settings.output_dir))
        keras.utils.set_random_seed(settings.seed)
        with strategy.scope():
            model = task.build_model(inputs.config, settings)
        run = RunStages(task, settings, inputs, workers, model, signals or StopSignals())
        workers.check_same(what_workers_share(type(settings), run.record()))
        results, interrupted = {}, None
        try:
            results = run.results()
        except Interrupted as error:
            if not error.agreed:
                raise
            interrupted = error
    if interrupted is not None:
        # Not before all workers have said goodbye to each other.
        raise interrupted
    return {**results, "step": run.step}


def _build_strategy(settings: RunSettings) -> tf.distribute.Strategy:
    """The strategy, if the batches can be divided by its replicas."""
    strategy = build_strategy(
        settings.strategy,
        settings.num_replicas,
        settings.tpu_name,
        settings.tpu_zone,
        settings.gcp_project,
        settings.worker_timeout,
    )
    if settings.strategy == "tpu":
        advise_precision(settings.precision)
    replicas = strategy.num_replicas_in_sync
    if settings.do_train:
        check_batch_size("train_batch_size", settings.train_batch_size, replicas)
        check_parts(settings.train_batch_size, replicas, settings.gradient_accumulation_steps)
    if settings.do_eval:
        check_batch_size("eval_batch_size", settings.eval_batch_size, replicas)
    return strategy
