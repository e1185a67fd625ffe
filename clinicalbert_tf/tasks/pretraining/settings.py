"""The settings of a pretraining run."""

import dataclasses

from clinicalbert_tf.setting_fields import REQUIRED, setting
from clinicalbert_tf.training.settings import RunSettings

OBJECTIVES = ("mlm_nsp", "mlm")
MASKINGS = ("static", "dynamic")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingSettings(RunSettings):
    """What `python -m clinicalbert_tf.pretrain` was asked to do; its flags by their names.

    Raises:
        ValueError: a value is out of range or contradicts another one.
    """

    input_file: str = setting(
        REQUIRED,
        "Records: a folder with manifest.json, or comma-separated TFRecord files and globs.",
        path=True,
    )
    eval_file: str | None = setting(
        None,
        """Records to evaluate, in the same form. To evaluate on the training records, give them
        twice.""",
        path=True,
    )
    do_lower_case: bool | None = setting(
        None, "The casing that the records must have. Default: theirs."
    )
    do_eval: bool = setting(
        False,
        """Whether to evaluate: --eval_file after training, or --input_file without training.
        Default: whether --eval_file is given.""",
        found_out=True,
    )
    max_seq_length: int | None = setting(
        None, "Tokens per record that the records must have. Default: theirs.", at_least=1
    )
    max_predictions_per_seq: int | None = setting(
        None,
        "Masked positions per record that the records must have. Default: theirs.",
        at_least=1,
    )
    max_eval_steps: int = setting(100, "Most batches evaluated.", at_least=1)
    objective: str = setting(
        "mlm_nsp",
        "mlm_nsp (masked words and next sentence), or mlm for masked words alone.",
        choices=OBJECTIVES,
        decisive=True,
    )
    masking: str | None = setting(
        None,
        "static or dynamic: the kind that the records must have. Default: theirs.",
        choices=MASKINGS,
    )
    masked_lm_prob: float | None = setting(
        None,
        """Fraction of tokens masked, with dynamic masking. Default: the one that the records were
        built with.""",
        decisive=True,
    )
    do_whole_word_mask: bool | None = setting(
        None,
        "Mask whole words, with dynamic masking. Default: as the records were built.",
        decisive=True,
    )

    def check(self) -> None:
        """Raises ValueError if a setting is out of range or contradicts another."""
        if self.do_train or self.do_eval:
            self._check_files()
        super().check()

    def _check_files(self) -> None:
        if not self.input_file:
            raise ValueError(
                "Expected --input_file to name records, received none. Build some with "
                "`python -m tfrecords_builder`, or give no data flags at all for the embedded "
                "default."
            )
        if self.do_train and self.do_eval and not self.eval_file:
            raise ValueError(
                "Expected --eval_file with --do_train and --do_eval, received none. Name records "
                "that are not trained on; to evaluate on the training records, give them twice: "
                f"--eval_file={self.input_file}"
            )
        if self.do_train and self.eval_steps is not None and not self.do_eval:
            raise ValueError(
                f"Expected --eval_file with --eval_steps, received --eval_steps={self.eval_steps} "
                "alone. Name records to evaluate on that are not trained on."
            )
