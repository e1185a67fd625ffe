"""The settings of a question answering run."""

import dataclasses

from clinicalbert_tf.setting_fields import setting
from clinicalbert_tf.texts.question_answering.prediction import AnswerSettings
from clinicalbert_tf.texts.question_answering.windows import WindowSettings
from clinicalbert_tf.training.fine_tuning import FineTuningSettings

ANSWERS = ("corrected", "reference")
DATASET_FORMATS = ("auto", "squad", "bioasq", "emrqa")
ANSWER_UNITS = ("concept", "evidence")
REFERENCE_EPOCHS = 3.0
# What the reference does, unless it is said otherwise.
REFERENCE_DEFAULTS = {
    "length_buckets": 0,
    "optimizer": "reference",
    "num_train_epochs": REFERENCE_EPOCHS,
    "eval_batch_size": 8,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionAnsweringSettings(FineTuningSettings):
    """What `python -m clinicalbert_tf.run_squad` was asked to do; its flags by their names.

    Raises:
        ValueError: a value is out of range or contradicts another one.
    """

    train_file: str | None = setting(
        None, "Questions with answers to train on: JSON, gzipped if it ends in .gz.", path=True
    )
    dev_file: str | None = setting(
        None,
        """Questions with answers to evaluate on: the best checkpoint and the threshold of "no
        answer" are chosen on them. Default: --dev_proportion of the training questions.""",
        path=True,
    )
    predict_file: str | None = setting(
        None, "Questions to answer; scored too if their answers are given.", path=True
    )
    dataset_format: str = setting(
        "auto",
        "Layout of the files: squad, bioasq, emrqa, or auto to tell it from each file.",
        choices=DATASET_FORMATS,
    )
    dev_proportion: float = setting(
        0.0,
        """Share of the training questions to hold out for evaluation, divided by document.""",
        at_least=0,
        decisive=True,
    )
    leave_out_misplaced_answers: bool = setting(
        False,
        """Leave out questions whose answer is neither at its offset nor once in its context,
        instead of stopping.""",
        decisive=True,
    )
    answer_unit: str = setting(
        "concept",
        "What an answer of emrQA is: concept (its own text) or evidence (the line that holds it).",
        choices=ANSWER_UNITS,
        decisive=True,
    )
    paraphrases: int = setting(
        1, "Forms of each question of emrQA to take.", at_least=1, decisive=True
    )
    do_predict: bool = setting(
        False, "Whether to answer --predict_file. Default: whether it is given.", found_out=True
    )
    max_seq_length: int = setting(384, "Tokens per window at most.", at_least=8, decisive=True)
    doc_stride: int = setting(
        128, "Wordpieces from one window's start to the next.", at_least=1, decisive=True
    )
    max_query_length: int = setting(
        64, "Wordpieces of a question; longer ones are cut.", at_least=1, decisive=True
    )
    n_best_size: int = setting(20, "Answers kept per question.", at_least=1)
    max_answer_length: int = setting(30, "Wordpieces of an answer at most.", at_least=0)
    version_2_with_negative: bool = setting(
        False, "Whether some questions have no answer (SQuAD 2.0).", decisive=True
    )
    null_score_diff_threshold: float | None = setting(
        None,
        """ "No answer" is predicted if its score exceeds the best answer's by more than this.
        Default: the threshold with the best F1 on the dev questions, 0 without such.""",
    )
    answers: str = setting(
        "corrected",
        """corrected, or reference for the reference's features and answers quirk by quirk (see
        docs/question_answering.md).""",
        choices=ANSWERS,
        decisive=True,
    )
    verbose_logging: bool = setting(
        False, "The reference's flag; there is nothing more to log: texts are never logged."
    )

    def check(self) -> None:
        """Raises ValueError if a setting is out of range or contradicts another."""
        super().check()
        self.windows()
        if self.do_train and not self.train_file:
            raise ValueError(
                "Expected --train_file with --do_train, received none. Name questions with "
                "answers, or give no data flags at all for the embedded default."
            )
        if self.do_predict and not self.predict_file:
            raise ValueError(
                "Expected --predict_file with --do_predict, received none. Name the questions to "
                "answer."
            )
        if self.do_predict and not self.do_eval:
            raise ValueError(
                "Expected --do_eval with --do_predict, received --do_eval=False: questions are "
                "answered in an evaluation. Drop --do_eval=False."
            )
        if self.do_eval and not (self.do_predict or self.dev_file or self.dev_proportion):
            raise ValueError(
                "Expected --dev_file, --dev_proportion or --predict_file with --do_eval, received "
                "none. Name the questions to evaluate on."
            )
        if self.dev_proportion and self.dev_file:
            raise ValueError(
                "Expected --dev_file or --dev_proportion, received both. Drop one of them."
            )
        if self.dev_proportion >= 1:
            raise ValueError(
                f"Expected --dev_proportion below 1, received {self.dev_proportion}. Leave "
                "questions to train on."
            )
        if self.reference and self.length_buckets:
            raise ValueError(
                f"Expected --length_buckets=0 with --answers=reference, received "
                f"{self.length_buckets}: the reference looks for answers in the padding too. Drop "
                "the flag."
            )

    @property
    def reference(self) -> bool:
        """Whether features and answers are the reference's."""
        return self.answers == "reference"

    def windows(self) -> WindowSettings:
        """How contexts are cut.

        Raises:
            ValueError: the context has no room beside the question.
        """
        return WindowSettings(self.max_seq_length, self.doc_stride, self.max_query_length)

    def answering(self, threshold: float = 0.0) -> AnswerSettings:
        """How answers are taken from logits.

        Args:
            threshold: that of "no answer", unless it was given.
        """
        given = self.null_score_diff_threshold
        return AnswerSettings(
            n_best_size=self.n_best_size,
            max_answer_length=self.max_answer_length,
            version_2=self.version_2_with_negative,
            null_score_diff_threshold=threshold if given is None else given,
            reference=self.reference,
        )
