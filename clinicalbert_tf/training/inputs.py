"""What a run starts from, found and checked before any device is used."""

import dataclasses
from collections.abc import Mapping

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.source import CheckpointSource
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.source import Source
from clinicalbert_tf.run_files import CONFIG_NAME, VOCABULARY_NAME
from clinicalbert_tf.training.settings import RunSettings
from tfrecords_builder.tokenization import portable_vocabulary


@dataclasses.dataclass(frozen=True)
class RunInputs:
    """What a run starts from.

    Attributes:
        config: the model.
        train_source: what is trained on, or None if nothing is trained.
        eval_sources: what is evaluated, by the name of the split; the first one also on the way.
        vocab_file: the model's vocabulary, or None if none was found.
        init_checkpoint: the checkpoint to start from, of any format; None for fresh weights.
        files: further text files by name that belong beside the weights, such as label lists.
    """

    config: BertConfig
    train_source: Source | None
    eval_sources: Mapping[str, Source]
    vocab_file: str | None = None
    init_checkpoint: CheckpointSource | None = None
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def first_eval(self) -> tuple[str, Source] | None:
        """Name and source of the split that is evaluated while training, or None."""
        return next(iter(self.eval_sources.items()), None)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources there are, the one trained on first."""
        train = () if self.train_source is None else (self.train_source,)
        return (*train, *self.eval_sources.values())


def open_init_checkpoint(
    settings: RunSettings, fallback_config: str | None = None
) -> CheckpointSource | None:
    """The checkpoint that --init_checkpoint names, of any format; None without the flag.

    Args:
        settings: what was asked for; its configuration and vocabulary stand above the
            checkpoint's own.
        fallback_config: a configuration for weights that have none beside them.

    Raises:
        FileNotFoundError, ValueError: as open_checkpoint.
    """
    if not settings.init_checkpoint:
        return None
    location, given = settings.init_checkpoint, settings.bert_config_file
    try:
        return open_checkpoint(location, config_file=given, vocab_file=settings.vocab_file)
    except FileNotFoundError:
        if given or fallback_config is None:
            raise
        return open_checkpoint(
            location, config_file=fallback_config, vocab_file=settings.vocab_file
        )


def model_files(inputs: RunInputs) -> dict[str, str]:
    """The texts of what belongs to the weights, by file name: configuration, vocabulary, labels."""
    files = {CONFIG_NAME: inputs.config.to_json_string(), **inputs.files}
    if inputs.vocab_file is not None:
        files[VOCABULARY_NAME] = portable_vocabulary(inputs.vocab_file).decode("utf-8")
    return files
