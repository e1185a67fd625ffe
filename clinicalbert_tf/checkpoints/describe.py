"""What a source is, in lines for a person, and whether all its numbers can be read."""

from collections.abc import Iterable

import numpy as np

from clinicalbert_tf.checkpoints.downloads.released import identify
from clinicalbert_tf.checkpoints.source import (
    PARTS,
    CheckpointSource,
    check_finite,
    check_tensors,
)
from clinicalbert_tf.checkpoints.vocabulary_check import check_vocabulary, resolve_casing

_KINDS = {
    "tf1": "TF1 checkpoint (the reference's variable names)",
    "tf2_object": "TF2 object-based checkpoint (tensorflow/models)",
    "huggingface": "Hugging Face folder",
    "keras_preset": "Keras preset",
}
_GELU = {"tanh": "gelu, tanh form (BERT's own)", "erf": "gelu, exact form (Hugging Face's)"}
_MOST_NAMES = 6


def describe(source: CheckpointSource) -> list[tuple[str, str]]:
    """Title and text of every line that is to be said of a source; reads no weight.

    Raises:
        ValueError: weights, configuration and vocabulary do not fit each other.
        FileNotFoundError: the source has no vocabulary.
    """
    report = check_tensors(source)
    config = source.config
    parameters = sum(int(np.prod(shape)) for shape in source.tensors.shapes.values())
    spare = check_vocabulary(source)
    casing = "lower-cased text" if resolve_casing(source) else "cased text"
    lines = [
        ("format", _KINDS[source.kind]),
        ("location", source.path),
        (
            "size",
            f"{config.num_hidden_layers} layers, hidden {config.hidden_size}, "
            f"{config.num_attention_heads} heads, up to {config.max_position_embeddings} tokens",
        ),
        ("activation", _GELU.get(source.gelu, config.hidden_act)),
        ("vocabulary", f"{source.vocab_file}, {config.vocab_size - spare:,} rows, {casing}"),
        ("weights", f"{len(source.tensors)} arrays, {parameters:,} numbers"),
        ("holds", ", ".join(report.present)),
    ]
    lacking = [part for part in PARTS if part not in report.present]
    if lacking:
        lines.append(("lacks", f"{', '.join(lacking)} ({_some(report.missing)})"))
    if report.other:
        lines.append(("also holds", _some(report.other)))
    if source.labels:
        lines.append(("labels", ", ".join(source.labels)))
    if source.ignored:
        lines.append(("passed over", _some(source.ignored)))
    if spare:
        lines.append(("note", f"The token embedding has {spare} rows beyond the vocabulary."))
    lines += [("note", remark) for remark in source.remarks]
    return [*lines, ("this is", str(identify(source)))]


def check_weights(source: CheckpointSource, names: Iterable[str] | None = None) -> None:
    """Reads every array once: checksums where the format has them, and finite numbers.

    Args:
        source: what to read.
        names: the names to read, for example wrapped in a progress bar; None for all.

    Raises:
        ValueError: an array cannot be read or has numbers that are not finite; names it.
    """
    for name in source.tensors if names is None else names:
        check_finite(source.tensors[name], name, source.path)


def _some(names: tuple[str, ...]) -> str:
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{len(names)}: {', '.join(names[:_MOST_NAMES])}, ..."
