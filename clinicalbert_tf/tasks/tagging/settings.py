"""The settings of a tagging run."""

import dataclasses

from clinicalbert_tf.setting_fields import setting
from clinicalbert_tf.tasks.tagging.losses import LOSSES
from clinicalbert_tf.training.fine_tuning import FineTuningSettings

# What is known of data sets without reading datasets.entity_sets, whose import takes a while.
TASK_NAMES = (
    *("i2b2_2006", "i2b2_2010", "i2b2_2012", "i2b2_2014"),
    *("ncbi_disease", "ncbi", "conll"),
)
RULES = ("corrected", "reference")
SPLITS = ("patient", "reference")
FRAGMENT_RULES = ("range", "split", "drop")
WORD_RULES = ("auto", "whitespace", "edges", "punctuation", "clinical")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggingSettings(FineTuningSettings):
    """What `python -m clinicalbert_tf.run_i2b2` was asked to do; its flags by their names.

    Raises:
        ValueError: a value is out of range or contradicts another one.
    """

    task_name: str = setting(
        "conll",
        """The data set. conll is any one: files of columns in BIO, BIOES or IOB1, JSON lines with
        spans, or folders of brat or i2b2 XML files.""",
        choices=TASK_NAMES,
        decisive=True,
    )
    data_dir: str | None = setting(
        None,
        """Folder with train, dev (or devel) and test files, or with an i2b2 release as
        downloaded. Default: invented notes.""",
        path=True,
    )
    do_predict: bool | None = setting(
        None,
        "Whether to label and score the test part. Default: whether there is one.",
        found_out=True,
    )
    # The engine's do_eval is about all parts; this one is the flag's own meaning.
    evaluate_dev: bool = True
    max_seq_length: int = setting(
        128, "Tokens of a window at most, [CLS] and [SEP] included.", at_least=3, decisive=True
    )
    window_stride: int | None = setting(
        None,
        "Wordpieces from one window's start to the next. Default: three quarters of a window.",
        at_least=1,
        decisive=True,
    )
    truncate: bool = setting(
        False,
        """Cut sentences at --max_seq_length as the reference does: words behind the cut are
        scored as O. Default: overlapping windows in which every word is labelled.""",
        decisive=True,
    )
    loss: str = setting(
        "words",
        """words: mean over the words' first wordpieces; reference: sum over all tokens, padding
        and special ones included.""",
        choices=LOSSES,
        decisive=True,
    )
    crf: bool = setting(
        False, "Train scores of labels that follow one another (a linear-chain CRF).", decisive=True
    )
    constrained: bool = setting(
        True, "Decode valid BIO only: no I- that begins an entity or continues another type."
    )
    label_weights: str | None = setting(
        None,
        """Weight of each label in the loss: balanced, or LABEL=WEIGHT,... (others have 1).
        Default: all 1.""",
        decisive=True,
    )
    rules: str = setting(
        "corrected",
        """reference reads files of columns with the reference's faults: the last sentence is lost
        unless an empty line follows it. A raw i2b2 release is converted by its rules first.""",
        choices=RULES,
        decisive=True,
    )
    fragments: str = setting(
        "range",
        """What becomes of brat's entities of several fragments: their whole range, an entity per
        fragment (split), or nothing (drop).""",
        choices=FRAGMENT_RULES,
        decisive=True,
    )
    split: str = setting(
        "patient",
        """How dev is taken from a raw i2b2 release: by patient (by document if patients are
        unknown), or as the reference does.""",
        choices=SPLITS,
        decisive=True,
    )
    split_seed: int = setting(
        1,
        "Decides which training documents are dev if the data does not say.",
        at_least=0,
        decisive=True,
    )
    word_rule: str = setting(
        "auto",
        """How texts become words: whitespace, edges (punctuation at their ends comes off),
        punctuation (each sign is a word), clinical (punctuation, and numbers off their units).
        Default: as the training words were made.""",
        choices=WORD_RULES,
        decisive=True,
    )
    fold: int | None = setting(
        None,
        "Fold of --cross_validation that this run is; set by the command.",
        at_least=0,
        decisive=True,
    )
    cross_validation: int | None = setting(
        None,
        """Number of folds as the reference made them, a run each in OUTPUT_DIR/FOLD; the last
        fold is the original test part.""",
        at_least=3,
        decisive=True,
    )
    # The loss is a mean over the words of a batch, so a word counts for more in a batch of short
    # sentences. In a short run this shows in the scores; batches of mixed lengths have less of it.
    length_pool: int = setting(
        50,
        """With --length_buckets: how many batches, at most, and at most a quarter of those shuffled
        together, windows of like lengths are looked for among. 0: all that are shuffled
        together.""",
        at_least=0,
        decisive=True,
    )
    bootstrap: int = setting(
        1000,
        "Draws for the intervals of the scores, by document; 0 for none.",
        at_least=0,
    )

    @property
    def examples_at_once(self) -> int:
        """As RunSettings has it; one at a time with a CRF, which is a loop over the words."""
        return 1 if self.crf else super().examples_at_once

    def check(self) -> None:
        """Raises ValueError if a setting is out of range or contradicts another."""
        super().check()
        if self.crf and (self.dp_examples_at_once or 1) > 1:
            raise ValueError(
                "Expected --dp_examples_at_once=1 with --crf, received "
                f"{self.dp_examples_at_once}: a CRF is a loop over the words of each example. "
                "Drop one of the flags."
            )
        if self.loss == "reference" and not self.truncate:
            raise ValueError(
                "Expected --truncate with --loss=reference, received --loss=reference alone: the "
                "reference has one sequence per sentence. Give both."
            )
        if self.loss == "reference" and (self.crf or self.label_weights):
            raise ValueError(
                "Expected --loss=reference without --crf and --label_weights, received both. Drop "
                "one of them."
            )
        if self.window_stride is not None and self.window_stride > self.max_seq_length - 2:
            raise ValueError(
                f"Expected --window_stride of at most {self.max_seq_length - 2} "
                f"(--max_seq_length - 2), received {self.window_stride}: words would be left out."
            )
