"""A model with some of another one's encoder layers, as a source like any other."""

import dataclasses
import re
from collections.abc import Sequence

from clinicalbert_tf.checkpoints.source import CheckpointSource, LazyTensor, LazyTensors

_LAYER = re.compile(r"bert/encoder/layer_(\d+)/(.+)")


def every_other_layer(count: int) -> tuple[int, ...]:
    """The layers 0, 2, 4, ... of a teacher, as DistilBERT takes them; at least one."""
    return tuple(range(0, count, 2))


def with_layers(source: CheckpointSource, layers: Sequence[int]) -> CheckpointSource:
    """The same model with only some of its encoder layers, in the order given.

    Embeddings, pooler and heads stay; layer `layers[i]` becomes layer i.

    Args:
        source: the teacher.
        layers: numbers of its layers, from 0.

    Returns:
        A source whose configuration has as many layers; its weights are read when needed.

    Raises:
        ValueError: no layer, one that the teacher lacks, or one twice.

    Source: DistilBERT (Sanh et al. 2019), section 3: the student is initialised from the teacher
        by taking one layer out of two.
    """
    count = source.config.num_hidden_layers
    if (
        not layers
        or len(set(layers)) < len(layers)
        or not all(0 <= layer < count for layer in layers)
    ):
        raise ValueError(
            f"Expected different layers from 0 to {count - 1} of {source.path}, received "
            f"{','.join(map(str, layers)) or 'none'}. Correct --layers."
        )
    places = {layer: place for place, layer in enumerate(layers)}
    tensors = {}
    for name in source.tensors:
        match = _LAYER.fullmatch(name)
        if match and int(match[1]) not in places:
            continue
        new_name = f"bert/encoder/layer_{places[int(match[1])]}/{match[2]}" if match else name
        tensors[new_name] = _renamed(source, name)
    return dataclasses.replace(
        source,
        config=dataclasses.replace(source.config, num_hidden_layers=len(layers)),
        tensors=LazyTensors(tensors, source.path),
        remarks=(
            *source.remarks,
            f"Layers {','.join(map(str, layers))} of {count} were taken from {source.path}.",
        ),
    )


def _renamed(source: CheckpointSource, name: str) -> LazyTensor:
    return LazyTensor(source.tensors.shapes[name], lambda: source.tensors[name])
