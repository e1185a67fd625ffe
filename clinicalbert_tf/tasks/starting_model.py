"""The model that a fine-tuning run starts from: configuration, vocabulary, casing and weights."""

import dataclasses
import os

from absl import logging

from clinicalbert_tf.checkpoints.checkpoint_files import list_checkpoints
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.model_files import find_vocab_file
from clinicalbert_tf.checkpoints.source import CheckpointSource
from clinicalbert_tf.checkpoints.vocabulary_check import settle_casing
from clinicalbert_tf.checkpoints.writers.companions import tokenizer_files
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.training.settings import RunSettings
from tfrecords_builder.tokenization import AddedToken, BertTokenizer
from tfrecords_builder.vocabulary_rules import check_rows, choose_casing


@dataclasses.dataclass(frozen=True)
class StartingModel:
    """What a run starts from.

    Attributes:
        config: the model's shape.
        vocab_file: its vocabulary.
        do_lower_case: its casing.
        added_tokens: tokens found in texts before they are split into words; rows of vocab_file.
        init_checkpoint: its weights; None for fresh ones, or if the run's own are restored.
    """

    config: BertConfig
    vocab_file: str
    do_lower_case: bool
    added_tokens: tuple[AddedToken, ...] = ()
    init_checkpoint: CheckpointSource | None = None

    def tokenizer(self) -> BertTokenizer:
        """Makes the tokenizer, which finds the added tokens.

        Raises:
            ValueError: the vocabulary is not a sound one.
        """
        return BertTokenizer(self.vocab_file, self.do_lower_case, self.added_tokens)

    def files(self) -> dict[str, str]:
        """Returns the texts of what must lie beside the vocabulary, by file name."""
        return tokenizer_files(self.do_lower_case, self.added_tokens)


def find_model(settings: RunSettings) -> StartingModel:
    """Finds the model that the settings name.

    It is --init_checkpoint in any format; without it the run that lies in the output folder
    already, or fresh weights of --bert_config_file and --vocab_file.

    Raises:
        FileNotFoundError: a file of the model is missing.
        ValueError: the files do not fit each other.
    """
    if settings.init_checkpoint:
        source = open_checkpoint(
            settings.init_checkpoint,
            config_file=settings.bert_config_file,
            vocab_file=settings.vocab_file,
        )
        source = settle_casing(source, settings.do_lower_case)
        return _of_source(source, source)
    if os.path.isdir(settings.output_dir) and list_checkpoints(settings.output_dir):
        # Its weights are found by the engine, which resumes the newest whole state.
        source = settle_casing(open_checkpoint(settings.output_dir), settings.do_lower_case)
        return _of_source(source)
    return _fresh(settings)


def _of_source(
    source: CheckpointSource, init_checkpoint: CheckpointSource | None = None
) -> StartingModel:
    return StartingModel(
        source.config,
        source.vocab_file,
        source.do_lower_case,
        source.added_tokens,
        init_checkpoint,
    )


def _fresh(settings: RunSettings) -> StartingModel:
    if settings.bert_config_file is None:
        raise FileNotFoundError(
            "Expected --init_checkpoint, or --bert_config_file and --vocab_file for a model with "
            f"fresh weights, found neither, and no run in {settings.output_dir}. Name a model."
        )
    vocab_file = settings.vocab_file or find_vocab_file(
        os.path.dirname(os.path.abspath(settings.bert_config_file))
    )
    if vocab_file is None:
        raise FileNotFoundError(
            f"Expected --vocab_file, or a vocab.txt beside {settings.bert_config_file}, found "
            "none. Give the model's vocabulary."
        )
    config = BertConfig.from_json_file(settings.bert_config_file)
    check_rows(vocab_file, config.vocab_size, settings.bert_config_file)
    casing = choose_casing(vocab_file, settings.do_lower_case)
    if casing.warning:
        logging.warning("%s", casing.warning)
    return StartingModel(config, vocab_file, casing.do_lower_case)


def find_tokenizer(settings: RunSettings) -> BertTokenizer:
    """The tokenizer alone: of --vocab_file, without any model, or that of find_model.

    Raises:
        FileNotFoundError, ValueError: there is neither, or the casing cannot be told.
    """
    if settings.vocab_file and not settings.init_checkpoint:
        casing = choose_casing(settings.vocab_file, settings.do_lower_case)
        return BertTokenizer(settings.vocab_file, casing.do_lower_case)
    return find_model(settings).tokenizer()


def check_size(config: BertConfig, max_seq_length: int, is_pair: bool = False) -> None:
    """Checks that a model can take a task's sequences.

    Raises:
        ValueError: they are longer than its positions, or have more segments than it has.
    """
    if max_seq_length > config.max_position_embeddings:
        raise ValueError(
            f"Expected --max_seq_length of at most {config.max_position_embeddings}, the model's "
            f"max_position_embeddings, received {max_seq_length}. Give a smaller one."
        )
    if is_pair and config.type_vocab_size < 2:
        raise ValueError(
            "Expected a model with two segments for pairs of texts, received one with "
            f"type_vocab_size {config.type_vocab_size}. Use a BERT that was pretrained on pairs."
        )
