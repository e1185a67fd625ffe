"""A sentence with its two entities shown, for a classifier of relations."""

import dataclasses

ENTITY_FORMS = ("placeholders", "markers")
# Characters around the first and the second entity, in every BERT vocabulary.
_MARKS = (("@", "*"), ("#", "^"))


@dataclasses.dataclass(frozen=True)
class Entity:
    """An entity of a sentence.

    Attributes:
        start, end: its characters, end exclusive.
        kind: its type, such as "problem".
    """

    start: int
    end: int
    kind: str


def show_entities(sentence: str, first: Entity, second: Entity, form: str) -> str:
    """Shows two entities in a sentence.

    Args:
        sentence: the sentence.
        first, second: the entities, in the annotation's order.
        form: "placeholders" replaces each by `@problem$` and the like, and entities that overlap or
            touch by one `@problem-test$`, as BLUE does; "markers" keeps their words and puts typed
            marks of punctuation around them, `@ * problem * chest pain @` and
            `# ^ test ^ ct scan #`, which every BERT vocabulary has.

    Returns:
        The text for the classifier.

    Source: replace_text of BLUE (Peng et al. 2019); typed entity markers of Zhou and Chen 2022.
    """
    if form not in ENTITY_FORMS:
        raise ValueError(f"Expected a form of {', '.join(ENTITY_FORMS)}, received {form!r}.")
    if form == "markers":
        return _marked(sentence, first, second)
    if first.start <= second.end and second.start <= first.end:
        start, end = min(first.start, second.start), max(first.end, second.end)
        return f"{sentence[:start]}@{first.kind}-{second.kind}${sentence[end:]}"
    left, right = sorted((first, second), key=lambda entity: entity.start)
    return (
        f"{sentence[: left.start]}@{left.kind}${sentence[left.end : right.start]}"
        f"@{right.kind}${sentence[right.end :]}"
    )


def _marked(sentence: str, first: Entity, second: Entity) -> str:
    insertions = []
    for order, entity in enumerate(sorted((first, second), key=lambda e: (e.start, -e.end))):
        mark, around = _MARKS[order]
        # Of marks at one place those that close come first, the inner one before the outer.
        opening = f"{mark} {around} {entity.kind} {around} "
        insertions.append(((entity.start, 1, order), opening))
        insertions.append(((entity.end, 0, -order), f" {mark}"))
    pieces, done = [], 0
    for (place, _, _), text in sorted(insertions):
        pieces += [sentence[done:place], text]
        done = place
    return "".join([*pieces, sentence[done:]])
