"""What a distillation is asked for besides its task's own settings."""

import dataclasses

from clinicalbert_tf.setting_fields import REQUIRED, check_values, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillationSettings:
    """How a student learns from its teacher.

    Raises:
        ValueError: a value is out of range or contradicts another one.
    """

    teacher: str = setting(
        REQUIRED,
        """Folder of the fine-tuned run to learn from, whose best weights are taken; with
        --input_file a pretrained model of any format.""",
    )
    layers: tuple[int, ...] | None = setting(
        None,
        """The teacher's encoder layers that the student starts with, such as 0,2,4. Default:
        every other one, from 0.""",
    )
    student_config_file: str | None = setting(
        None,
        """The bert_config.json of a student of another shape, which starts from fresh weights or
        from --student_checkpoint.""",
    )
    student_checkpoint: str | None = setting(
        None, "A pretrained model of any format that the student starts from."
    )
    temperature: float = setting(
        2.0, "What the logits of teacher and student are divided by.", above=0
    )
    soft_weight: float = setting(
        0.5, "Weight of the teacher in the loss; the labels have the rest.", at_least=0
    )
    hidden_weight: float = setting(
        1.0, "On records: weight of the distance of hidden states.", at_least=0
    )
    attention_weight: float = setting(
        1.0, "On records: weight of the distance of attention probabilities.", at_least=0
    )
    teacher_cache: str | None = setting(
        None, "Folder that keeps the teacher's outputs. Default: OUTPUT_DIR/teacher."
    )

    def __post_init__(self):
        check_values(self)
        if self.soft_weight > 1:
            raise ValueError(
                f"Expected --soft_weight from 0 to 1, received {self.soft_weight}. Correct it."
            )
        if self.layers is not None and (self.student_config_file or self.student_checkpoint):
            raise ValueError(
                "Expected --layers for a student made of the teacher's layers, or "
                "--student_config_file or --student_checkpoint for another one; received both. "
                "Drop one of them."
            )
