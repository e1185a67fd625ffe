"""The tasks that a student can learn, by the command that trained the teacher."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

# Settings that a run found out from the number of its examples, or that name its own place.
_FOUND_OUT = (
    "output_dir",
    "init_checkpoint",
    "bert_config_file",
    "vocab_file",
    "do_lower_case",
    "num_train_steps",
    "num_warmup_steps",
    "eval_steps",
    "save_checkpoints_steps",
    "num_replicas",
    "profile_steps",
)


def settings_of_run(record: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the student's run: the teacher's, those that were given instead.

    Args:
        record: the teacher's run.json.
        given: by name.
    """
    kept = {
        name: value
        for name, value in record["settings"].items()
        if name not in _FOUND_OUT and value is not None
    }
    return {**kept, "do_train": True, **given}


def build_task(command: str, given: Mapping[str, Any]):
    """The settings and the task of a run.

    Args:
        command: "command" in run.json.
        given: settings by name; those that the task does not know are dropped.

    Returns:
        (settings, task).

    Raises:
        ValueError: no student can learn what this command trains.
    """
    if command not in TEACHABLE:
        raise ValueError(
            f"Expected a teacher of {', '.join(TEACHABLE)}, received a run of {command!r}. Give "
            "the folder of a fine-tuned run."
        )
    return TEACHABLE[command](given)


def _question_answering(given: Mapping[str, Any]):
    from clinicalbert_tf.tasks.question_answering.inputs import prepare
    from clinicalbert_tf.tasks.question_answering.settings import QuestionAnsweringSettings
    from clinicalbert_tf.tasks.question_answering.task import QuestionAnsweringTask

    settings, prepared = prepare(
        QuestionAnsweringSettings(**_known(given, QuestionAnsweringSettings))
    )
    return settings, QuestionAnsweringTask(settings, prepared)


def _classification(given: Mapping[str, Any]):
    from clinicalbert_tf.tasks.classification.run import prepare, read_data
    from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
    from clinicalbert_tf.tasks.classification.task import ClassificationTask

    known = _known(given, ClassificationSettings)
    prepared = prepare(known, read_data(known))
    task = ClassificationTask(prepared.settings, prepared.data, prepared.evaluated)
    return prepared.settings, task


def _tagging(given: Mapping[str, Any]):
    from clinicalbert_tf.tasks.tagging.inputs import prepare
    from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
    from clinicalbert_tf.tasks.tagging.task import TaggingTask

    settings, prepared = prepare(TaggingSettings(**_known(given, TaggingSettings)))
    return settings, TaggingTask(settings, prepared)


def _known(given: Mapping[str, Any], cls) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(cls)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if name in names
    }


TEACHABLE: dict[str, Callable] = {
    "run_classifier": _classification,
    "run_i2b2": _tagging,
    "run_squad": _question_answering,
}
