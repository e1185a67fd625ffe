"""The embedded default: invented notes and a vocabulary learnt from them."""

import dataclasses
import os

from absl import logging

from tfrecords_builder import schema, synthetic, vocabulary
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.notes import reading

# Of the output folder: a table or a vocabulary that a user keeps there is never written over.
FOLDER = "invented"


def fill_in(settings: BuilderSettings) -> BuilderSettings:
    """Names the embedded default's files if no input is given, after writing them.

    They go into a folder of their own in the output folder; the same seed gives the same bytes.

    Raises:
        ValueError: there is input but no vocabulary.
    """
    if settings.input:
        if settings.vocab_file is None:
            raise ValueError(
                "Expected --vocab_file with --input, received none. Give the vocab.txt of the "
                "model to train, or learn one: python -m tfrecords_builder.vocabulary --help."
            )
        return settings
    folder = os.path.join(settings.output_dir, FOLDER)
    path = os.path.join(folder, "NOTEEVENTS.csv.gz")
    logging.info(
        "No --input: using the embedded default, %d invented notes, written to %s.",
        settings.synthetic_notes,
        path,
    )
    synthetic.write_noteevents(path, settings.synthetic_notes, settings.random_seed)
    settings = dataclasses.replace(settings, input=(path,))
    if settings.vocab_file is not None:
        return settings
    do_lower_case = bool(settings.do_lower_case)
    vocab_file = os.path.join(folder, schema.VOCABULARY_NAME)
    texts = (note.text for note in reading.read_notes(path))
    tokens = vocabulary.learn_vocabulary(texts, settings.synthetic_vocab_size, do_lower_case)
    vocabulary.write_vocabulary(vocab_file, tokens)
    logging.info("No --vocab_file: learnt %d wordpieces, written to %s.", len(tokens), vocab_file)
    return dataclasses.replace(settings, vocab_file=vocab_file, do_lower_case=do_lower_case)
