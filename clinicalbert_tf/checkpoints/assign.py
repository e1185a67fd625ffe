"""Named arrays into the model: the part that every source of weights shares."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from clinicalbert_tf.checkpoints.names import VariableMapping
from clinicalbert_tf.checkpoints.restore_report import RestoreReport
from clinicalbert_tf.checkpoints.source import check_finite


def assign_variables(
    mappings: Sequence[VariableMapping],
    shapes: Mapping[str, Sequence[int]],
    read: Callable[[str], np.ndarray],
    source: str,
    *,
    skipped: Sequence[str] = (),
    allow_missing: Sequence[str] = (),
) -> RestoreReport:
    """Checks a source against the model, all of it, and then reads it into the model.

    Nothing is assigned unless every name and shape fits.

    Args:
        mappings: the model's variables (checkpoints.names).
        shapes: the shape of every array in the source, by TF1 name.
        read: name -> array; called once for each restored variable.
        source: what to call the source in the report and in errors.
        skipped: names in the source that are no part of a model (optimizer slots).
        allow_missing: beginnings of names ("cls/predictions/") that the source may lack; only all
            of such a group together, since half a head is a damaged one.

    Returns:
        The names restored, initialised and skipped.

    Raises:
        ValueError: missing, unused or misshaped variables, or arrays that are not numbers; the
            message lists all of them.
    """
    initialised = _absent_groups(mappings, shapes, allow_missing)
    expected = [mapping for mapping in mappings if mapping.tf1_name not in initialised]
    known = {mapping.tf1_name for mapping in expected}
    missing = [mapping.tf1_name for mapping in expected if mapping.tf1_name not in shapes]
    unused = sorted(set(shapes) - known - set(skipped))
    misshaped = [
        f"{mapping.tf1_name} (expected {list(mapping.tf1_shape)}, received "
        f"{list(shapes[mapping.tf1_name])})"
        for mapping in expected
        if mapping.tf1_name in shapes
        and tuple(shapes[mapping.tf1_name]) != tuple(mapping.tf1_shape)
    ]
    if missing or unused or misshaped:
        raise ValueError(_difference(source, len(expected), missing, unused, misshaped))
    for mapping in expected:
        array = _as_float(read(mapping.tf1_name), mapping, source)
        mapping.variable.assign(mapping.from_tf1(array))
    return RestoreReport(
        source=source,
        restored=tuple(mapping.tf1_name for mapping in expected),
        initialised=tuple(initialised),
        skipped=tuple(skipped),
    )


def _absent_groups(mappings, shapes, allow_missing) -> list[str]:
    absent = []
    for beginning in allow_missing:
        group = [m.tf1_name for m in mappings if m.tf1_name.startswith(beginning)]
        if not any(name in shapes for name in group):
            absent += group
    return absent


def _difference(source, count, missing, unused, misshaped) -> str:
    groups = (("missing", missing), ("unused", unused), ("misshaped", misshaped))
    listed = [f"  {title} ({len(names)}): {', '.join(names)}" for title, names in groups if names]
    return "\n".join(
        [
            f"{source}: expected {count} variables of this model's names and shapes, received a "
            "checkpoint that differs in",
            *listed,
            "Use the bert_config.json that was released with the checkpoint. Where only the "
            "pretraining heads are missing, allow that (allow_missing_heads).",
        ]
    )


def _as_float(array: np.ndarray, mapping: VariableMapping, source: str) -> np.ndarray:
    # bfloat16 and its like are floating to NumPy only by name.
    array = np.asarray(array)
    if array.dtype.kind != "f" and "float" not in array.dtype.name:
        raise ValueError(
            f"{mapping.tf1_name}: expected floating point numbers, received {array.dtype}. Use "
            "an unquantized checkpoint."
        )
    if array.size != math.prod(mapping.tf1_shape):
        raise ValueError(
            f"{mapping.tf1_name}: expected {list(mapping.tf1_shape)}, received "
            f"{list(array.shape)}. Download the checkpoint again."
        )
    array = array.astype(np.float32, copy=False)
    check_finite(array, mapping.tf1_name, source)
    return array
