"""The settings of a classification run."""

import dataclasses

from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.setting_fields import REQUIRED, setting
from clinicalbert_tf.tasks.long_documents.settings import VoteSettings
from clinicalbert_tf.texts.pair_features import FEATURE_RULES
from clinicalbert_tf.training.fine_tuning import FineTuningSettings

_MAX_SEQ_LENGTH = 128


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassificationSettings(FineTuningSettings, DataSettings, VoteSettings):
    """What `python -m clinicalbert_tf.run_classifier` was asked to do; its flags by their names.

    Raises:
        ValueError: a value is out of range or contradicts another one.
    """

    task_name: str = setting(
        REQUIRED,
        """The data set: mednli, mnli, mrpc, cola, gad, euadr, chemprot, ddi, i2b2_2010_relations,
        mortality and more (docs/classification.md), or csv, tsv, jsonl, parquet for tables of
        your own.""",
        decisive=True,
    )
    max_seq_length: int = setting(
        _MAX_SEQ_LENGTH,
        "Tokens per example, [CLS] and [SEP] included; longer ones are cut.",
        at_least=4,
        decisive=True,
    )
    do_test: bool = setting(
        False,
        "Whether to evaluate the test split, once, at the end. Default: if there is one.",
        found_out=True,
    )
    features: str = setting(
        "corrected",
        """corrected closes both segments of a pair always; reference leaves out the second [SEP]
        of an empty second text, as the reference does.""",
        choices=FEATURE_RULES,
        decisive=True,
    )
    class_weights: str = setting(
        "",
        """Weights of classes in the loss: balanced, or LABEL=WEIGHT,... Default: 1 each.""",
        decisive=True,
    )
    label_smoothing: float = setting(
        0.0, "Share of the target spread over all labels.", at_least=0, decisive=True
    )
    tune_threshold: bool = setting(
        True,
        """Choose the threshold of the positive one of two labels on dev, by the data set's metric.
        Otherwise it is 0.5.""",
    )
    calibrate: bool = setting(
        True, "Choose the temperature of the probabilities on dev. Otherwise it is 1."
    )
    show_text: bool = setting(
        False, "Write the texts into the predictions too. They may be protected."
    )
    bootstrap: int = setting(
        1000, "Draws of the 95% intervals in metrics.json; 0 for none.", at_least=0
    )

    def check(self) -> None:
        """Raises ValueError if a setting is out of range or contradicts another."""
        super().check()
        if not self.label_smoothing < 1:
            raise ValueError(
                f"Expected --label_smoothing below 1, received {self.label_smoothing}."
            )
