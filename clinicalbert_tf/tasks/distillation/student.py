"""The model that learns: some of the teacher's layers, another shape, or another checkpoint."""

import dataclasses

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.source import CheckpointSource
from clinicalbert_tf.checkpoints.student import every_other_layer, with_layers
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.tasks.distillation.settings import DistillationSettings
from tfrecords_builder.tokenization import load_vocabulary


@dataclasses.dataclass(frozen=True)
class Student:
    """What the student starts from.

    Attributes:
        config: its shape.
        init_checkpoint: its weights; None for fresh ones.
    """

    config: BertConfig
    init_checkpoint: CheckpointSource | None


def find_student(settings: DistillationSettings, teacher: CheckpointSource) -> Student:
    """The student that the settings ask for.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the teacher has no such layers, or the student another vocabulary.
    """
    if settings.student_checkpoint:
        source = open_checkpoint(
            settings.student_checkpoint, config_file=settings.student_config_file
        )
        _check_vocabulary(source, teacher)
        return Student(source.config, source)
    if settings.student_config_file:
        config = BertConfig.from_json_file(settings.student_config_file)
        if config.vocab_size != teacher.config.vocab_size:
            raise ValueError(
                f"vocab_size is {config.vocab_size} in {settings.student_config_file} but the "
                f"teacher's is {teacher.config.vocab_size}: both must read the same wordpieces. "
                "Correct the file."
            )
        return Student(config, None)
    layers = settings.layers
    if layers is None:
        layers = every_other_layer(teacher.config.num_hidden_layers)
    source = with_layers(teacher, layers)
    return Student(source.config, source)


def _check_vocabulary(student: CheckpointSource, teacher: CheckpointSource) -> None:
    if student.vocab_file is None or teacher.vocab_file is None:
        return
    if load_vocabulary(student.vocab_file) != load_vocabulary(teacher.vocab_file):
        raise ValueError(
            f"Expected the vocabulary of {teacher.path} in {student.path}, received another one: "
            "teacher and student must read the same wordpieces. Use another student."
        )
