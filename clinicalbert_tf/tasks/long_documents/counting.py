"""How many chunks a run will train on, before the run is made."""

from collections.abc import Mapping
from typing import Any

from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from clinicalbert_tf.tasks.long_documents.chunks import count_chunks_of
from clinicalbert_tf.tasks.starting_model import find_tokenizer
from clinicalbert_tf.training.fine_tuning import with_steps


def count_chunks(given: Mapping[str, Any], data: LabelledData) -> int:
    """The training chunks, which epochs are counted in.

    Args:
        given: the settings that were given, by name.
        data: the documents.

    Raises:
        FileNotFoundError, ValueError: there is no vocabulary to cut documents with.
    """
    # Any number of steps will do to find the vocabulary.
    settings = ClassificationSettings(**with_steps(dict(given) | {"do_train": True}, 1, False))
    texts = (example.text_a for example in data.splits["train"].examples)
    size = settings.max_seq_length, settings.document_stride
    return count_chunks_of(find_tokenizer(settings), texts, *size)
