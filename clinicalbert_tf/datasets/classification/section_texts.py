"""Examples whose texts are restricted to some kinds of section."""

import dataclasses
from collections.abc import Sequence

from clinicalbert_tf.datasets.classification.example_checks import Finding
from clinicalbert_tf.datasets.classification.examples import Split
from clinicalbert_tf.texts.note_sections import sections_only

# Ids that a message names; a run keeps all of them in a file.
_NAMED = 10


def keep_sections(
    splits: Sequence[Split], kinds: Sequence[str]
) -> tuple[list[Split], list[Finding], dict[str, list[str]]]:
    """Restricts texts to sections; no example is dropped.

    Args:
        splits: examples of single texts.
        kinds: of texts.note_sections.

    Returns:
        splits: the same examples with what the sections hold, "" without such a section.
        findings: one for each split that has texts without such a section.
        without: {split: ids of these texts}.

    Raises:
        ValueError: the examples are pairs.
    """
    restricted, findings, without = [], [], {}
    for split in splits:
        if any(example.text_b is not None for example in split.examples):
            raise ValueError(
                f"{split.path}: expected single texts with --sections, received pairs. Drop the "
                "flag, or --text_b."
            )
        examples = [
            example.with_text(sections_only(example.text_a, kinds)) for example in split.examples
        ]
        missing = [example.id for example in examples if not example.text_a]
        if missing:
            places = tuple(f"id {name}" for name in missing[:_NAMED])
            findings.append(Finding("no_section", (split.name,), len(missing), places))
        without[split.name] = missing
        restricted.append(dataclasses.replace(split, examples=examples))
    return restricted, findings, without
