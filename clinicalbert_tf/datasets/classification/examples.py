"""Labelled texts and pairs, the form that every classification data set is read into."""

import dataclasses

from clinicalbert_tf.datasets.table_format import RowCounts

SPLITS = ("train", "dev", "test")
# One label an example, several (or none), or a number.
PROBLEM_TYPES = ("single", "multi", "regression")
Label = str | tuple[str, ...] | float | None


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One text or pair of texts.

    Attributes:
        id: the source's identifier, or SPLIT-NUMBER from 0; safe to log.
        text_a: protected health information.
        text_b: the second text of a pair; None if there is none, "" if it is empty.
        label: the label as typed; a tuple for several (problem type "multi"), a float for
            regression, None if the source says none.
        group: what must stay together in splits and bootstraps (a patient, a document, a premise);
            None if the source does not say.
        line: the line of the file where it stands, from 1.
    """

    id: str
    text_a: str = dataclasses.field(repr=False)
    text_b: str | None = dataclasses.field(default=None, repr=False)
    label: Label = None
    group: str | None = None
    line: int = 0

    def with_label(self, label: Label) -> "Example":
        """The same example with another label."""
        return dataclasses.replace(self, label=label)

    def with_text(self, text: str) -> "Example":
        """The same example with another first text."""
        return dataclasses.replace(self, text_a=text)


@dataclasses.dataclass
class Split:
    """The examples of one split, in the file's order.

    Attributes:
        name: one of SPLITS, or another name for texts to predict.
        path: where they come from, for messages.
        examples: the examples.
        counts: one for each file that was read.
        spellings: {label as text: kinds of value it was read from ("text", "number", ...)}.
        notices: what was left out or looks wrong, as sentences with counts.
    """

    name: str
    path: str
    examples: list[Example] = dataclasses.field(repr=False)
    counts: list[RowCounts] = dataclasses.field(default_factory=list)
    spellings: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    notices: list[str] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def has_labels(self) -> bool:
        """Whether every example has a label (False for an empty split)."""
        return bool(self.examples) and all(e.label is not None for e in self.examples)


def labels_of(example: Example) -> tuple[str, ...]:
    """The labels of an example as a tuple, whatever the problem type; () without one."""
    if example.label is None:
        return ()
    return example.label if isinstance(example.label, tuple) else (str(example.label),)
