"""What is wrong with labelled examples before the first step: overlaps, contradictions, repeats."""

import dataclasses
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from clinicalbert_tf.datasets.classification.examples import Example, Split, labels_of

_NOT_WORDS = re.compile(r"\W+")
_SHOWN = 3


class ExampleError(ValueError):
    """Examples that must not be trained on or evaluated; names files and lines."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One kind of problem in the examples.

    Attributes:
        kind: one of _SENTENCES.
        splits: the split, or the two of an overlap.
        count: examples that have it.
        places: "FILE, line N" of the first few, or their ids.
    """

    kind: str
    splits: tuple[str, ...]
    count: int
    places: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{_SENTENCES[self.kind].format(count=self.count, splits=' and '.join(self.splits))} "
            f"(first: {'; '.join(self.places)})."
        )


_SENTENCES = {
    "empty_text": "{count:,} examples of {splits} have an empty text",
    "no_section": "{count:,} texts of {splits} have no section of --sections and are read as empty",
    "empty_label": "{count:,} examples of {splits} have an empty label, which is its own class",
    "alike_labels": "{count:,} labels of {splits} differ from another in case or white space only",
    "no_group": "{count:,} examples of {splits} have an empty group and stay together",
    "repeated_ids": "{count:,} ids of {splits} occur more than once",
    "repeated_examples": "{count:,} examples of {splits} repeat an earlier one with the same label",
    "contradicting_labels": "{count:,} texts of {splits} occur with contradicting labels",
    "overlap": "{count:,} examples occur in both {splits} (case and punctuation aside)",
}


def normalized(example: Example) -> bytes:
    """A key that is equal for texts that differ in case, punctuation and white space only."""
    texts = [example.text_a] + ([] if example.text_b is None else [example.text_b])
    words = "\0".join(_NOT_WORDS.sub(" ", text.casefold()).strip() for text in texts)
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()[:16]


def check_examples(splits: Sequence[Split], forbid_overlap: bool = False) -> list[Finding]:
    """Looks for what makes a score unbelievable.

    Args:
        splits: train, dev and test, those that are there.
        forbid_overlap: whether an example in two splits is an error.

    Returns:
        Warnings with counts, the same for the same files.

    Raises:
        ExampleError: a split is empty, or examples overlap and that is forbidden.
    """
    findings: list[Finding] = []
    keys = {}
    for split in splits:
        if not split.examples:
            raise ExampleError(
                f"{split.path}: expected examples for {split.name}, received none. Give a file "
                "that has some, or leave the split out."
            )
        keys[split.name] = [normalized(example) for example in split.examples]
        findings += _within(split, keys[split.name])
    for number, first in enumerate(splits):
        for second in splits[number + 1 :]:
            findings += _between(first, second, keys)
    overlaps = [finding for finding in findings if finding.kind == "overlap"]
    if overlaps and forbid_overlap:
        raise ExampleError(
            f"Expected splits without a common example, received: {' '.join(map(str, overlaps))} "
            "Remove them from one split, or drop --forbid_overlap."
        )
    return findings


def _within(split: Split, keys: list[bytes]) -> Iterable[Finding]:
    examples = split.examples
    empty = [
        e for e in examples if not all(t.strip() for t in (e.text_a, e.text_b) if t is not None)
    ]
    ids = Counter(example.id for example in examples)
    repeated = [e for e in examples if ids[e.id] > 1]
    by_key = defaultdict(list)
    for key, example in zip(keys, examples, strict=True):
        by_key[key].append(example)
    same, contradicting = [], []
    for members in by_key.values():
        labels = {member.label for member in members if member.label is not None}
        if len(labels) > 1:
            contradicting.append(members[0])
        elif len(members) > 1:
            same += members[1:]
    yield from _finding("empty_text", split, empty)
    yield from _finding("empty_label", split, [e for e in examples if e.label == ""])
    yield from _finding("alike_labels", split, _alike(examples))
    yield from _finding("no_group", split, [e for e in examples if e.group == ""])
    repeated_count = sum(count > 1 for count in ids.values())
    yield from _finding("repeated_ids", split, repeated, repeated_count)
    yield from _finding("repeated_examples", split, same)
    yield from _finding("contradicting_labels", split, contradicting)


def _alike(examples: Sequence[Example]) -> list[Example]:
    """The first example of each label that differs from an earlier one in case or space only."""
    spellings: dict[str, str] = {}
    first: dict[str, Example] = {}
    for example in examples:
        for label in labels_of(example):
            if spellings.setdefault(label.strip().casefold(), label) != label:
                first.setdefault(label, example)
    return list(first.values())


def _between(first: Split, second: Split, keys: dict[str, list[bytes]]) -> Iterable[Finding]:
    there = set(keys[first.name])
    both = [e for e, k in zip(second.examples, keys[second.name], strict=True) if k in there]
    for finding in _finding("overlap", second, both):
        yield dataclasses.replace(finding, splits=(first.name, second.name))


def _finding(
    kind: str, split: Split, examples: list[Example], count: int | None = None
) -> Iterable[Finding]:
    if examples:
        places = tuple(f"{split.path}, line {example.line}" for example in examples[:_SHOWN])
        yield Finding(kind, (split.name,), len(examples) if count is None else count, places)
