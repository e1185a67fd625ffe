"""Everything that a question answering run starts from: questions, windows, model."""

import dataclasses
from collections.abc import Mapping

from clinicalbert_tf.tasks.question_answering.data import (
    DEV,
    PREDICT,
    QuestionSet,
    questions_to_answer,
    read_set,
    read_training_sets,
    windows_to_train,
)
from clinicalbert_tf.tasks.question_answering.settings import (
    REFERENCE_EPOCHS,
    QuestionAnsweringSettings,
)
from clinicalbert_tf.tasks.starting_model import StartingModel, check_size, find_model
from clinicalbert_tf.texts.question_answering.windows import Window
from clinicalbert_tf.training.fine_tuning import with_steps
from tfrecords_builder.tokenization import BertTokenizer


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """What a run starts from, read and checked.

    Attributes:
        model: configuration, vocabulary and weights.
        tokenizer: the model's.
        training_windows: what is trained on, each with its target; empty if nothing is.
        asked: the questions to answer, by the name of the split; those that are evaluated while
            training first.
    """

    model: StartingModel
    tokenizer: BertTokenizer
    training_windows: list[Window] = dataclasses.field(repr=False)
    asked: Mapping[str, QuestionSet] = dataclasses.field(repr=False)


def prepare(
    settings: QuestionAnsweringSettings,
) -> tuple[QuestionAnsweringSettings, Prepared]:
    """Reads questions and model, and finds out how many steps the epochs are.

    Args:
        settings: what was asked for.

    Returns:
        The settings with num_train_steps and num_warmup_steps, and what the run starts from.

    Raises:
        FileNotFoundError, ValueError: something is missing or does not fit.
    """
    model = find_model(settings)
    check_size(model.config, settings.max_seq_length, is_pair=True)
    tokenizer = model.tokenizer()
    train, held_out = [], []
    if settings.do_train or (settings.dev_proportion and settings.train_file):
        train, held_out = read_training_sets(settings)
    windows = windows_to_train(train, settings, tokenizer) if settings.do_train else []
    sets = {}
    if settings.do_eval and (settings.dev_file or held_out):
        questions = held_out or read_set(settings.dev_file, settings)
        sets[DEV] = settings.dev_file or settings.train_file, questions
    if settings.do_predict:
        sets[PREDICT] = settings.predict_file, read_set(settings.predict_file, settings)
    asked = {
        name: questions_to_answer(path, questions, settings, tokenizer)
        for name, (path, questions) in sets.items()
    }
    settings = _with_steps(settings, len(train), len(windows), DEV in asked)
    return settings, Prepared(model, tokenizer, windows, asked)


def _with_steps(
    settings: QuestionAnsweringSettings, questions: int, windows: int, has_dev: bool
) -> QuestionAnsweringSettings:
    """The settings with the engine's steps."""
    given = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    if settings.reference and settings.num_train_steps is None:
        # The reference counts questions, not windows.
        epochs = settings.num_train_epochs or REFERENCE_EPOCHS
        given["num_train_steps"] = max(1, int(questions / settings.train_batch_size * epochs))
    return type(settings)(**with_steps(given, windows, has_dev))
