"""The labels of a data set: one spelling each, and every one known."""

import dataclasses
import re
from collections.abc import Sequence

from clinicalbert_tf.datasets.classification.examples import Example, Split, labels_of

# Whole numbers as pandas writes them once a column had a gap.
_FLOAT_OF_INT = re.compile(r"(-?\d+)\.0+")
_LONGEST_SHOWN = 40


class LabelError(ValueError):
    """Labels that cannot be used as they are; names file and line."""


def unify_spellings(splits: Sequence[Split], join: bool = False) -> list[Split]:
    """Makes sure that a label has one spelling: `1`, `"1"` and `1.0` are three.

    Args:
        splits: all splits of a data set.
        join: whether to join such spellings into the one without a decimal point. `01` is never
            joined with `1`.

    Returns:
        The splits, with joined labels if asked for.

    Raises:
        LabelError: two spellings of one number occur and `join` is False; names both.
    """
    seen: dict[str, dict[tuple[str, str], str]] = {}
    for split in splits:
        for text, kinds in split.spellings.items():
            for kind in kinds:
                seen.setdefault(_joined(text), {}).setdefault((text, kind), split.path)
    for spellings in seen.values():
        if len(spellings) > 1 and not join:
            both = " and ".join(
                f"{text} ({kind}, in {path})" for (text, kind), path in sorted(spellings.items())
            )
            raise LabelError(
                f"Expected one spelling of a label, received {both}. Give "
                "--join_label_spellings if they mean the same, or correct the files."
            )
    if not join:
        return list(splits)
    return [
        dataclasses.replace(split, examples=[_with_joined(e) for e in split.examples])
        for split in splits
    ]


def find_labels(train: Split) -> tuple[str, ...]:
    """The labels of a training split, sorted: the same file gives the same ids.

    Raises:
        LabelError: there are fewer than two.
    """
    labels = sorted({label for example in train.examples for label in labels_of(example)})
    if len(labels) < 2:
        raise LabelError(
            f"{train.path}: expected two labels or more to learn, received {len(labels)}. Check "
            "--label, or give --problem_type=regression if it holds numbers."
        )
    return tuple(labels)


def check_labels(splits: Sequence[Split], labels: Sequence[str]) -> None:
    """Checks that every label of every split is a known one.

    Raises:
        LabelError: names file, line, the label and the known ones.
    """
    known = set(labels)
    for split in splits:
        for example in split.examples:
            for label in labels_of(example):
                if label not in known:
                    raise LabelError(
                        f"{split.path}, line {example.line}: expected one of the labels "
                        f"{_listed(labels)}, received {shown_label(label)}.{_hint(label, known)} "
                        "Correct the row, or name the labels that are meant."
                    )


def shown_label(label: str) -> str:
    """A label for a message; a long one may be note text in the wrong column and is not shown."""
    if len(label) > _LONGEST_SHOWN or "\n" in label:
        return f"a text of {len(label)} characters"
    return repr(label)


def _hint(label: str, known: set[str]) -> str:
    if label == "label" or label == "gold_label":
        return " That looks like a header: this layout has none in this file."
    if not label:
        return " A test file without labels has no label column, or null in JSON lines."
    for other in known:
        if label != other and label.strip().lower() == other.strip().lower():
            return f" It differs from {shown_label(other)} in case or white space only."
    return ""


def _listed(labels: Sequence[str]) -> str:
    names = [shown_label(label) for label in labels[:20]]
    return ", ".join(names) + (f" and {len(labels) - 20} more" if len(labels) > 20 else "")


def _joined(text: str) -> str:
    match = _FLOAT_OF_INT.fullmatch(text)
    return match.group(1) if match else text


def _with_joined(example: Example) -> Example:
    if isinstance(example.label, tuple):
        return example.with_label(tuple(map(_joined, example.label)))
    if isinstance(example.label, str):
        return example.with_label(_joined(example.label))
    return example
