"""pipeline(): a fine-tuned model as a function of texts."""

import importlib
import os

from clinicalbert_tf.inference.fine_tuned import task_of

# What each task's model is used through: module, and what is called with the model's path.
PIPELINES = {
    "classification": (
        "clinicalbert_tf.inference.classification.classifier",
        "load_classifier",
    ),
    "entities": ("clinicalbert_tf.inference.entities.tagger", "load_tagger"),
    "question_answering": ("clinicalbert_tf.inference.question_answering", "QuestionAnswerer"),
}


def pipeline(
    task: str | os.PathLike | None = None, model: str | os.PathLike | None = None, **options
):
    """Loads a fine-tuned model to use on texts.

    Args:
        task: one of PIPELINES; None for the one that the model's own files name. A model alone may
            stand here too: pipeline("runs/mednli").
        model: the folder of a run, or any checkpoint of a fine-tuned model.
        options: see the task's class.

    Returns:
        A function of texts; see the task's class.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: there is no such task, or the model was fine-tuned for another one.
    """
    if model is None and task not in PIPELINES:
        task, model = None, task
    if model is None:
        raise ValueError("Expected the folder of a model, received none. Name it.")
    if task is None:
        task = task_of(model, tuple(PIPELINES))
    if task not in PIPELINES:
        raise ValueError(
            f"Expected a task of {', '.join(PIPELINES)}, received {task!r}. Choose one of these."
        )
    module, name = PIPELINES[task]
    return getattr(importlib.import_module(module), name)(model, **options)
