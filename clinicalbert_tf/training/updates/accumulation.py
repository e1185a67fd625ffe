"""Gradient accumulation: a batch in parts, one after another, with the memory of one part."""

import tensorflow as tf


def check_parts(batch_size: int, num_replicas: int, parts: int) -> None:
    """Checks that every replica's share of a global batch can be cut into equal parts.

    Raises:
        ValueError: it cannot; names all three numbers.
    """
    unit = num_replicas * parts
    if batch_size % unit:
        raise ValueError(
            f"train_batch_size is {batch_size} but expected a multiple of {unit}: replicas "
            f"({num_replicas}) times gradient_accumulation_steps ({parts}). Use, for example, "
            f"{max(batch_size // unit, 1) * unit}."
        )


def sum_over_parts(compute, batch, parts: int, zeros):
    """Adds up what is computed of each part of a batch.

    Args:
        compute: (feature dict of one part, number of the part) -> list of tensors, of the same
            shapes for every part.
        batch: dict of tensors [batch, ...]; batch is a multiple of `parts`.
        parts: how many to cut it into.
        zeros: function that gives zeros of what `compute` returns.

    Returns:
        The sums, a list of tensors.
    """
    if parts == 1:
        return compute(batch, 0)
    pieces = {name: _cut(values, parts) for name, values in batch.items()}

    def add_part(part, *sums):
        own = compute({name: piece[part] for name, piece in pieces.items()}, part)
        return (part + 1, *[total + value for total, value in zip(sums, own, strict=True)])

    # One after another, or the memory of several would be needed at once.
    _, *sums = tf.while_loop(
        lambda part, *_: part < parts,
        add_part,
        (0, *zeros()),
        parallel_iterations=1,
        maximum_iterations=parts,
    )
    return sums


def _cut(values, parts: int):
    """[batch, ...] -> [parts, batch / parts, ...], as static as it can be."""
    size = values.shape[0]
    own = -1 if size is None else size // parts
    if values.shape[1:].is_fully_defined():
        return tf.reshape(values, [parts, own, *values.shape[1:]])
    rest = tf.shape(values)[1:]
    cut = tf.reshape(values, tf.concat([[parts, own], rest], axis=0))
    return tf.ensure_shape(cut, [parts, None if size is None else own, *values.shape[1:]])
