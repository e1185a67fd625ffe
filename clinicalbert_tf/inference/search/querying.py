"""A question in words -> chunks of notes, by an index and the model that it was made with."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any

from clinicalbert_tf.inference.loading import ModelSource, load_model, model_digest
from clinicalbert_tf.inference.search.encoder import ChunkEncoder
from clinicalbert_tf.inference.search.search_index import Hit, SearchIndex, check_model
from clinicalbert_tf.inference.search.settings import EncoderSettings


def find_chunks(
    index_dir: str, text: str, model_source: Callable[[str], ModelSource], **filters: Any
) -> list[Hit]:
    """Finds the chunks of an index that are nearest to a text.

    Args:
        index_dir: the index's folder.
        text: what to look for; may be protected health information.
        model_source: from the checkpoint that the index was made with to the model to use.
        filters: further arguments of SearchIndex.search.

    Raises:
        FileNotFoundError: there is no index, or no such model.
        ValueError: the model is another one than the index was made with.
    """
    index = SearchIndex(index_dir)
    described = index.described
    source = model_source(described["checkpoint"])
    bert = load_model(source)
    check_model(described, model_digest(bert), source.checkpoint)
    settings = EncoderSettings(described["pooling"], described["max_seq_length"])
    vector = ChunkEncoder(bert, settings).encode_query(text)
    return index.search(vector, **filters)


def hits_as_json(hits: Sequence[Hit]) -> str:
    """One JSON object with every hit; without "text" if the index keeps none."""
    found = [
        {name: value for name, value in dataclasses.asdict(hit).items() if value is not None}
        for hit in hits
    ]
    return json.dumps({"results": found}, ensure_ascii=False)


def hits_as_lines(hits: Sequence[Hit]) -> str:
    """A line per hit: cosine, note id, first character and end, and its text if it is kept."""
    lines = []
    for hit in hits:
        shown = "" if hit.text is None else "\t" + " ".join(hit.text.split())
        lines.append(f"{hit.score:.4f}\t{hit.note_id}\t{hit.start}\t{hit.end}{shown}")
    return "\n".join(lines) or "No note is left by the filters."
