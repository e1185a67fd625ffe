"""What a run starts from: its own newest state, a checkpoint of another run, or fresh weights."""

import os
from typing import Any

import keras
from absl import logging

from clinicalbert_tf.checkpoints.readers.tf1 import restore_checkpoint
from clinicalbert_tf.setting_fields import decisive_names, defaults_of
from clinicalbert_tf.training.cluster.workers import Workers
from clinicalbert_tf.training.inputs import RunInputs, model_files
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.states import best, run_record
from clinicalbert_tf.training.states.checkpoints import Checkpoints, SavedState, checkpoint_step
from clinicalbert_tf.training.states.corruption import restore_newest, set_newer_aside
from clinicalbert_tf.training.states.damaged_records import as_if_left_out
from clinicalbert_tf.training.states.initial_weights import restore_initial
from clinicalbert_tf.training.states.positions import warn_of_untrained_positions
from tfrecords_builder.files import write_private


def start_training(
    task,
    settings: RunSettings,
    inputs: RunInputs,
    checkpoints: Checkpoints,
    workers: Workers,
    record: dict[str, Any],
) -> tuple[int, str | None]:
    """Resumes what lies in the output folder, or starts from the first step.

    Args:
        task: a tasks.task.Task.
        settings: what was asked for.
        inputs: what the run starts from.
        checkpoints: of the model and the optimizer to fill.
        workers: all of which call this together.
        record: the run's run.json.

    Returns:
        Updates made before, and the checkpoint that the run resumes from (None for its own
        first step).

    Raises:
        ValueError: the folder holds a run with other settings.
        CorruptCheckpointError: a checkpoint is damaged.
    """

    def restore(state: SavedState) -> None:
        run_record.check_resumable(
            settings.output_dir,
            record,
            decisive_values(task, type(settings)),
            defaults_of(type(settings)),
            as_if_left_out,
        )
        checkpoints.restore(state)
        checkpoints.optimizer.restore_state(state.content)

    state = restore_newest(settings.output_dir, restore, settings.on_corrupt, workers)
    if state is not None:
        logging.info("Resuming from %s.", state.prefix)
    else:
        if int(checkpoints.optimizer.step.numpy()):
            _reset(checkpoints, task, inputs, settings, workers.strategy)
        _start_afresh(checkpoints.model, inputs, settings.seed, record)
    step, prefix = (0, None) if state is None else (state.step, state.prefix)
    if workers.chief:
        set_newer_aside(settings.output_dir, step)
        if state is None:
            best.forget_best(settings.output_dir)
        checkpoints.remove_unfinished()
        run_record.write_run_record(settings.output_dir, record)
        for name, text in model_files(inputs).items():
            write_private(os.path.join(settings.output_dir, name), text)
    return step, prefix


def restore_for_evaluation(
    settings: RunSettings, inputs: RunInputs, model, workers: Workers
) -> int:
    """Restores the newest checkpoint of the output folder, or else the one to start from.

    Returns:
        The step that its results belong to.

    Raises:
        FileNotFoundError: there is neither.
        CorruptCheckpointError: a checkpoint is damaged.
    """

    def restore(state: SavedState) -> None:
        logging.info("%s", restore_checkpoint(model, state.prefix))

    state = restore_newest(settings.output_dir, restore, settings.on_corrupt, workers)
    if state is not None:
        return checkpoint_step(state.prefix)
    if inputs.init_checkpoint is None:
        raise FileNotFoundError(
            f"Expected a checkpoint to evaluate, found none in {settings.output_dir}. "
            "Give --init_checkpoint, or the --output_dir of a run."
        )
    restore_initial(model, inputs, require_heads=True)
    # As in the reference, a checkpoint that a run starts from is its step 0.
    return 0


def restore_best(output_dir: str, model, workers: Workers, step: int) -> int:
    """Restores the best checkpoint of a run that has ended.

    Args:
        output_dir: the run's folder.
        model: the trained model.
        workers: all of which call this together.
        step: the step that the model stands at.

    Returns:
        The step of the weights that the model holds now; `step` if no best one was kept.
    """
    # The chief alone writes it, and may be behind the others.
    workers.gather([step])
    found = best.best_prefix(output_dir)
    if found is None or checkpoint_step(found) == step:
        return step
    restore_checkpoint(model, found)
    return checkpoint_step(found)


def decisive_values(task, settings_class) -> tuple[str, ...]:
    """Dotted paths in run.json that a resumed run must not change."""
    return (
        *(f"settings.{name}" for name in decisive_names(settings_class)),
        *(f"inputs.{name}" for name in task.input_decisions),
        "task",
        "bert_config",
    )


def _start_afresh(model, inputs: RunInputs, seed: int, record: dict[str, Any]) -> None:
    init = inputs.init_checkpoint
    if init is None:
        logging.info("Starting from fresh weights (seed %d).", seed)
        return
    restore_initial(model, inputs)
    trained = record["inputs"]["init_checkpoint"]["trained_positions"]
    warn_of_untrained_positions(init.path, trained, inputs.train_source.max_seq_length)


def _reset(checkpoints: Checkpoints, task, inputs: RunInputs, settings, strategy) -> None:
    """Brings a model and an optimizer that were trained back to where they began."""
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        fresh = task.build_model(inputs.config, settings)
    for variable, initial in zip(checkpoints.model.variables, fresh.variables, strict=True):
        variable.assign(initial)
    checkpoints.optimizer.reset()
