"""What the model reads of each sentence, as files: the reference's records and JSON lines."""

import dataclasses
import json
import os
from collections.abc import Iterator

import numpy as np

from clinicalbert_tf.tasks.starting_model import find_tokenizer
from clinicalbert_tf.tasks.tagging.examples import TaggedWords
from clinicalbert_tf.tasks.tagging.inputs import make_windows, read_parts
from clinicalbert_tf.tasks.tagging.results import write_token_files
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.texts.feature_records import write_feature_records
from clinicalbert_tf.texts.pair_features import TextFeatures
from tfrecords_builder.files import make_private_folder, write_private
from tfrecords_builder.tokenization import BertTokenizer


def write_feature_files(folder: str, settings: TaggingSettings) -> dict[str, int]:
    """Writes PART.tfrecord and PART_features.jsonl for each part that there is.

    With --truncate they hold the reference's features, one per sentence, and its files of tokens
    are written as well: token_PART.txt, tok_to_orig_map_PART.txt. Otherwise there is one per
    window; label_ids are then the label's id plus 1 at the first wordpiece of each word that the
    window owns, else 0.

    Args:
        folder: made (0700) if it is not there.
        settings: of the run; needs a vocabulary, no model.

    Returns:
        {path of the records: their number}.
    """
    tokenizer = find_tokenizer(settings)
    entity_set = read_parts(settings)
    make_private_folder(folder)
    written = {}
    for part, words in make_windows(settings, entity_set, tokenizer).items():
        if words.features:
            write_token_files(part, words, folder)
            rows, lines = _reference_rows(words), map(dataclasses.asdict, words.features)
        else:
            ids = {label: number for number, label in enumerate(entity_set.labels)}
            rows = _window_rows(words, ids, settings.max_seq_length)
            lines = (
                _window_line(part, words, number, tokenizer) for number in range(len(words.windows))
            )
        path = os.path.join(folder, f"{part}.tfrecord")
        written[path] = write_feature_records(path, rows, settings.max_seq_length)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_private(os.path.join(folder, f"{part}_features.jsonl"), text)
    return written


def _reference_rows(words: TaggedWords) -> Iterator[tuple[TextFeatures, list[int]]]:
    for of, window in zip(words.features, words.windows, strict=True):
        yield _text_features(window.token_ids), of.label_ids


def _window_rows(words: TaggedWords, label_ids, max_seq_length: int):
    tags = words.tags(label_ids)
    for window, of_window in zip(words.windows, tags, strict=True):
        padded = np.zeros(max_seq_length, np.int64)
        padded[: len(of_window)] = of_window
        yield _text_features(window.token_ids), padded.tolist()


def _text_features(token_ids: np.ndarray) -> TextFeatures:
    return TextFeatures(token_ids, np.zeros_like(token_ids), 0)


def _window_line(part: str, words: TaggedWords, number: int, tokenizer: BertTokenizer) -> dict:
    window, sentence = words.windows[number], words.sentence_of[number]
    numbers = words.words[number].tolist()
    return {
        "guid": f"{part}-{sentence}",
        "tokens": tokenizer.convert_ids_to_tokens(window.token_ids.tolist()),
        "input_ids": window.token_ids.tolist(),
        "words": numbers,
        "positions": window.positions.tolist(),
        "labels": [words.sentences[sentence].labels[word] for word in numbers],
    }
