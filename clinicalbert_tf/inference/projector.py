"""Files for TensorBoard's embedding projector, from the parts of an extraction.

    tensorboard --logdir DIR      then the tab "Projector"

They hold no text unless the parts do: the points are labelled with note ids and categories.
"""

import os
from collections.abc import Iterator

import numpy as np

from clinicalbert_tf.inference.writers import read_vector_part
from tfrecords_builder.files import open_private

TENSORS_NAME = "tensors.tsv"
METADATA_NAME = "metadata.tsv"
CONFIG_NAME = "projector_config.pbtxt"
_CONFIG = f"""embeddings {{
  tensor_name: "notes"
  tensor_path: "{TENSORS_NAME}"
  metadata_path: "{METADATA_NAME}"
}}
"""


def write_projector(folder: str, parts: list[str], most: int) -> int:
    """Writes the projector's three files.

    Args:
        folder: where to; made with mode 0700 where missing.
        parts: paths of the parts.
        most: rows to write at most, the first ones (the projector draws some 10,000 well).

    Returns:
        The number of rows written.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    written = 0
    with (
        open_private(os.path.join(folder, TENSORS_NAME)) as tensors,
        open_private(os.path.join(folder, METADATA_NAME)) as metadata,
    ):
        for part in _first_rows(parts, most):
            if not written:
                metadata.write(_tsv([_names(part)]))
            np.savetxt(tensors, part["vector"], fmt="%.7g", delimiter="\t")
            metadata.write(_tsv(zip(*(part[name] for name in _names(part)), strict=True)))
            written += len(part["vector"])
    with open_private(os.path.join(folder, CONFIG_NAME)) as config:
        config.write(_CONFIG.encode())
    return written


def _first_rows(parts: list[str], most: int) -> Iterator[dict[str, np.ndarray]]:
    for path in parts:
        if most <= 0:
            return
        part = {name: values[:most] for name, values in read_vector_part(path).items()}
        most -= len(part["vector"])
        yield part


def _names(part: dict[str, np.ndarray]) -> list[str]:
    return [name for name in ("note_id", "sentence", "category", "text") if name in part]


def _tsv(rows) -> bytes:
    # A tab or line end inside a field would move all that follows.
    lines = ("\t".join(" ".join(str(field).split()) for field in row) + "\n" for row in rows)
    return "".join(lines).encode("utf-8")
