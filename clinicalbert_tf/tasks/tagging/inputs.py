"""Everything that a tagging run starts from: sentences, windows, model."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from clinicalbert_tf.checkpoints.task_file import read_task
from clinicalbert_tf.datasets.documents import Account
from clinicalbert_tf.datasets.entity_sets import PARTS, EntitySet, read_entity_set
from clinicalbert_tf.datasets.folds import cross_validation_folds
from clinicalbert_tf.datasets.labelled_words import Sentence
from clinicalbert_tf.datasets.named_weights import named_weights
from clinicalbert_tf.tasks.starting_model import StartingModel, find_model
from clinicalbert_tf.tasks.tagging.examples import TaggedWords, truncate_words, window_words
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.texts.reference_word_features import reference_label_ids
from clinicalbert_tf.texts.words import rule_of
from clinicalbert_tf.training.fine_tuning import with_steps
from tfrecords_builder.tokenization import BertTokenizer


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """What a run starts from, read and checked.

    Attributes:
        model: configuration, vocabulary and weights.
        labels: the labels of words by id, O last.
        words: the windows of each part.
        word_rule: how new texts become words, one of texts.words.WORD_RULES.
        label_weights: weight of each label, or None.
        files: the files read.
        notes: what a user should know of the data, a sentence each.
        account: the annotations that were dropped or changed.
        evaluated: the parts to evaluate, the one that is evaluated while training first.
    """

    model: StartingModel
    labels: tuple[str, ...]
    words: Mapping[str, TaggedWords] = dataclasses.field(repr=False)
    word_rule: str
    label_weights: tuple[float, ...] | None
    files: tuple[str, ...]
    notes: tuple[str, ...]
    account: Account = dataclasses.field(repr=False)
    evaluated: tuple[str, ...]


def prepare(settings: TaggingSettings) -> tuple[TaggingSettings, Prepared]:
    """Reads sentences and model, and finds out how many steps the epochs are.

    Returns:
        The settings with the engine's steps, and what the run starts from.

    Raises:
        FileNotFoundError, ValueError: something is missing or does not fit.
    """
    model = find_model(settings)
    check_length(settings.max_seq_length, model.config.max_position_embeddings)
    tokenizer = model.tokenizer()
    entity_set = read_parts(settings)
    labels = entity_set.labels
    if not settings.do_train:
        labels = trained_labels(settings, model) or labels
    evaluated = _evaluated(settings, entity_set)
    words = make_windows(settings, entity_set, tokenizer)
    rule = settings.word_rule
    training = entity_set.parts.get("train", [])
    if rule == "auto":
        rule = rule_of(word for sentence in training for word in sentence.words)
    weights = label_weights(settings.label_weights, labels, training)
    prepared = Prepared(
        model,
        labels,
        words,
        rule,
        weights,
        entity_set.files,
        _notes(entity_set, words),
        entity_set.account,
        evaluated,
    )
    count = len(words["train"].windows) if settings.do_train else 0
    given = with_steps(dataclasses.asdict(settings), count, "dev" in evaluated)
    # The engine evaluates all splits or none.
    return dataclasses.replace(settings, **{**given, "do_eval": bool(evaluated)}), prepared


def make_windows(
    settings: TaggingSettings, entity_set: EntitySet, tokenizer: BertTokenizer
) -> dict[str, TaggedWords]:
    """The windows of each part, or its sentences cut as in the reference."""
    length = settings.max_seq_length
    if not settings.truncate:
        return {
            part: window_words(sentences, tokenizer, length, settings.window_stride)
            for part, sentences in entity_set.parts.items()
        }
    ids = reference_label_ids(settings.task_name, entity_set.labels)
    return {
        part: truncate_words(part, sentences, ids, tokenizer, length)
        for part, sentences in entity_set.parts.items()
    }


def _evaluated(settings: TaggingSettings, entity_set: EntitySet) -> tuple[str, ...]:
    """The parts to evaluate.

    Raises:
        FileNotFoundError: a part that is asked for is missing.
        ValueError: the best checkpoint would be chosen on the test part.
    """
    predict = settings.do_predict
    asked = {
        "train": settings.do_train,
        "dev": settings.do_eval and settings.evaluate_dev,
        "test": "test" in entity_set.parts if predict is None else predict,
    }
    missing = [part for part, wanted in asked.items() if wanted and part not in entity_set.parts]
    if missing:
        raise FileNotFoundError(
            f"Expected {' and '.join(missing)} in {settings.data_dir}, found "
            f"{', '.join(entity_set.parts) or 'none'}. Add the file, or drop "
            f"{' and '.join(_FLAG_OF[part] for part in missing)}."
        )
    if settings.do_train and settings.eval_steps is not None and not asked["dev"]:
        raise ValueError(
            f"Expected --do_eval with --eval_steps, received --eval_steps={settings.eval_steps} "
            "alone: the best checkpoint is chosen on dev."
        )
    return tuple(part for part in ("dev", "test") if asked[part])


def trained_labels(settings: TaggingSettings, model: StartingModel) -> tuple[str, ...] | None:
    """The labels of the trained model that is evaluated, or None if it does not say them."""
    task = read_task(settings.output_dir)
    if model.init_checkpoint is not None:
        task = model.init_checkpoint.task
    return None if task is None else tuple(task.settings.get("word_labels") or task.labels)


_FLAG_OF = {"train": "--do_train", "dev": "--do_eval", "test": "--do_predict"}


def check_length(max_seq_length: int, positions: int) -> None:
    """Raises ValueError if windows are longer than the model's positions."""
    if max_seq_length > positions:
        raise ValueError(
            f"Expected --max_seq_length of at most {positions} (max_position_embeddings of the "
            f"model), received {max_seq_length}."
        )


def read_parts(settings: TaggingSettings) -> EntitySet:
    """The sentences by part, divided again if the run is a fold of a cross-validation."""
    rules = settings.rules
    if settings.truncate and rules == "corrected":
        # Lines as the reference reads them, but none is lost.
        rules = "lenient"
    word_rule = "punctuation" if settings.word_rule == "auto" else settings.word_rule
    entity_set = read_entity_set(
        settings.task_name,
        settings.data_dir,
        settings.split_seed,
        rules,
        word_rule,
        settings.split,
        settings.fragments,
    )
    if settings.fold is None:
        return entity_set
    if set(entity_set.parts) != set(PARTS):
        raise ValueError(
            f"Expected train, dev and test parts for --cross_validation, received "
            f"{', '.join(entity_set.parts)}."
        )
    everything = [s for part in PARTS for s in entity_set.parts[part]]
    tested = len(entity_set.parts["test"])
    folds = cross_validation_folds(len(everything) - tested, tested, settings.cross_validation)
    fold = folds[settings.fold]
    parts = {part: [everything[place] for place in getattr(fold, part)] for part in PARTS}
    return dataclasses.replace(entity_set, parts=parts)


def label_weights(
    asked: str | None, labels: Sequence[str], sentences: Sequence[Sentence]
) -> tuple[float, ...] | None:
    """Weights of labels from the flag.

    Args:
        asked: None, "balanced" (each label counts as much as the others together: words over
            labels times the label's words), or LABEL=WEIGHT,...
        labels: the labels by id.
        sentences: training sentences.

    Raises:
        ValueError: a label is unknown or repeated, or a weight is no positive number.
    """
    if asked is None:
        return None
    if asked == "balanced":
        counts = np.array(
            [sum(s.labels.count(label) for s in sentences) for label in labels], np.float64
        )
        weights = counts.sum() / (len(labels) * np.maximum(counts, 1))
        return tuple(weights.tolist())
    return named_weights(asked, labels, "label_weights")


def _notes(entity_set: EntitySet, words: Mapping[str, TaggedWords]) -> tuple[str, ...]:
    notes = [
        f"{part}: {len(of.sentences)} sentences, {sum(len(s.words) for s in of.sentences)} words, "
        f"{sum(label[0] == 'B' for s in of.sentences for label in s.labels)} entities, "
        f"{len(of.windows)} windows."
        for part, of in words.items()
    ]
    notes += [
        f"{part}: {of.words_cut()} words are past the cut or without a wordpiece and are scored as "
        f"O; no model can recall more than {of.recall_ceiling():.4f} of the entities."
        for part, of in words.items()
        if of.kept is not None
    ]
    if entity_set.repaired:
        notes.append(f"{entity_set.repaired} I- labels began an entity and were read as B-.")
    return (*notes, *entity_set.account.lines())
