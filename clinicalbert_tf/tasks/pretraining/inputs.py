"""Everything that a pretraining run starts from, found and checked before any device is used."""

import dataclasses
import os
from collections.abc import Collection

from absl import logging

from clinicalbert_tf.checkpoints.source import CheckpointSource
from clinicalbert_tf.checkpoints.writers.companions import tokenizer_files
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.checks import check_records, check_vocabulary
from clinicalbert_tf.input_pipeline.masking_rule import change_masking_rule
from clinicalbert_tf.input_pipeline.record_source import RecordSource, find_records
from clinicalbert_tf.run_files import CONFIG_NAME, VOCABULARY_NAME
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.training.inputs import RunInputs, open_init_checkpoint

EVALUATION = "eval"


def find_inputs(settings: PretrainingSettings, left_out: Collection[str] = ()) -> RunInputs:
    """Finds and checks records, model, vocabulary and checkpoint.

    Args:
        settings: what was asked for.
        left_out: files of records to leave out unread, by their absolute paths.

    Raises:
        FileNotFoundError, ValueError: something is missing or does not fit; the message names
            both values and what to do.
    """
    lengths = (settings.max_seq_length, settings.max_predictions_per_seq)
    records = None
    if settings.do_train:
        records = find_records(settings.input_file, *lengths, left_out)
    eval_records = None
    if settings.do_eval:
        eval_records = find_records(settings.eval_file or settings.input_file, *lengths, left_out)
    records, eval_records = _with_masking(settings, records, eval_records)
    folders = _folders(settings, records or eval_records)
    beside = _first(CONFIG_NAME, folders)
    init = open_init_checkpoint(settings, beside)
    config = init.config if init else _config(settings, beside, folders)
    # --vocab_file is in it, with the added tokens of the checkpoint behind its rows.
    vocab_file = init.vocab_file if init else settings.vocab_file
    vocab_file = vocab_file or _first(VOCABULARY_NAME, folders)
    if vocab_file is None:
        logging.warning("No vocabulary was found, so none is checked or copied: give --vocab_file.")
    else:
        check_vocabulary(vocab_file, config)
    for source in (records, eval_records):
        if source is not None:
            # Masked records evaluate a model that trains on unmasked ones just as well.
            asked = settings.masking if source is (records or eval_records) else None
            check_records(source, config, vocab_file, settings.do_lower_case, asked)
    if records is not None and settings.train_batch_size > records.num_records:
        gone = len(records.left_out)
        raise ValueError(
            f"Expected at least as many records as --train_batch_size={settings.train_batch_size}, "
            f"received {records.num_records}{f' ({gone} damaged files are left out)' * bool(gone)}"
            ": a step would see some of them twice. Build more records, or give a smaller batch."
        )
    evaluated = {} if eval_records is None else {EVALUATION: eval_records}
    return RunInputs(
        config, records, evaluated, vocab_file, init, _tokenizer_files(init, vocab_file)
    )


def _tokenizer_files(init: CheckpointSource | None, vocab_file: str | None) -> dict[str, str]:
    """What keeps the added tokens of the checkpoint to start from with its vocabulary."""
    if init is None or vocab_file is None or vocab_file != init.vocab_file:
        return {}
    return tokenizer_files(init.do_lower_case, init.added_tokens)


def _with_masking(settings, *sources: RecordSource | None) -> list[RecordSource | None]:
    """Sources masked as the settings ask; what cannot be is an error in the first one only."""
    asked = (settings.masked_lm_prob, settings.do_whole_word_mask)
    changed = []
    for source in sources:
        if source is not None and (source.masking or not any(changed)):
            rule = change_masking_rule(source.masking, *asked, source.paths[0])
            source = dataclasses.replace(source, masking=rule)
        changed.append(source)
    return changed


def _config(settings, beside: str | None, folders: list[str]) -> BertConfig:
    """The configuration of a model that starts fresh, or lies in the output folder."""
    config_file = settings.bert_config_file or beside
    if config_file is None:
        raise FileNotFoundError(
            f"Expected --bert_config_file or a {CONFIG_NAME} beside the checkpoint or the records "
            f"({', '.join(folders)}), found none. Give the model's configuration."
        )
    return BertConfig.from_json_file(config_file)


def _folders(settings, source: RecordSource) -> list[str]:
    """Where a configuration and a vocabulary may lie if the checkpoint has none of its own."""
    folders = []
    if settings.bert_config_file:
        folders.append(os.path.dirname(settings.bert_config_file) or ".")
    folders += [os.path.dirname(manifest_file) for manifest_file, _ in source.manifests]
    if not settings.do_train:
        folders.append(settings.output_dir)
    return list(dict.fromkeys(folders))


def _first(name: str, folders: list[str]) -> str | None:
    paths = (os.path.join(folder, name) for folder in folders)
    return next((path for path in paths if os.path.isfile(path)), None)
