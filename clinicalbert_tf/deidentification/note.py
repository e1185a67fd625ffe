"""One note: private data found, replaced, and looked for again."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from clinicalbert_tf.deidentification import dates, repeats, rules
from clinicalbert_tf.deidentification.found import (
    Detector,
    Found,
    Ranges,
    from_detector,
    is_name,
    union,
    whole_words,
)
from clinicalbert_tf.deidentification.surrogates import Surrogates
from clinicalbert_tf.texts.note_sections import section_spans

STYLES = ("placeholder", "surrogate", "asterisks")
# Each round finds what the last one's words repeat; names of names end after two or three.
_ROUNDS = 5


@dataclass(frozen=True)
class Replacement:
    """What stands where in the clean text, and what stood there before: private data itself.

    Attributes:
        start, end: offsets in the clean text.
        original: the removed text.
        label: its type.
        source: "rule", "model" or "repeat".
    """

    start: int
    end: int
    original: str
    label: str
    source: str


@dataclass(frozen=True)
class CleanNote:
    """A note without its private data.

    Attributes:
        text: the clean text.
        replacements: in order of position.
        left: type -> how often a removed text still stands in the clean one because it is too short
            to be removed everywhere, e.g. an age that is also a blood pressure, or outside of the
            sections that are cleaned.
        has_sections: False if the note has no section of the kinds that are cleaned.
    """

    text: str
    replacements: tuple[Replacement, ...] = ()
    left: Counter = field(default_factory=Counter)
    has_sections: bool = True


@dataclass(frozen=True)
class Cleaner:
    """How notes are cleaned.

    Attributes:
        style: one of STYLES.
        surrogates: needed by the style "surrogate".
        detector: a model, or None for the rules alone.
        thresholds: type -> lowest probability of the model's spans.
        use_rules: False for the model alone.
        sections: kinds of section that are cleaned; empty: the whole note.
    """

    style: str = "placeholder"
    surrogates: Surrogates | None = None
    detector: Detector | None = None
    thresholds: dict[str, float] | None = None
    use_rules: bool = True
    sections: tuple[str, ...] = ()

    def __post_init__(self):
        if self.style not in STYLES:
            raise ValueError(f"Expected a style of {STYLES}, received {self.style!r}.")
        if self.style == "surrogate" and self.surrogates is None:
            raise ValueError("Expected a secret for surrogates, received none.")

    def clean(self, text: str, patient: str = "") -> CleanNote:
        """Returns a note without its private data.

        Args:
            text: the note.
            patient: its patient (or note) id, for surrogates.
        """
        places = section_spans(text, self.sections) if self.sections else [(0, len(text))]
        if not places:
            return CleanNote(text, has_sections=False)
        # The whole note is looked at: a name in its head is removed from its sections too.
        spans = find_all(text, self.detector, self.thresholds, self.use_rules)
        cleaned = Ranges(places)
        spans = [span for span in spans if cleaned.touch(span.start, span.end)]
        return replace(text, spans, self._style_of(text, spans, patient))

    def _style_of(self, text: str, spans: list[Found], patient: str) -> Callable:
        if self.style == "asterisks":
            return lambda span, original: "*" * len(original)
        if self.style == "placeholder":
            return lambda span, original: f"[**{span.label}**]"
        removed = removed_words(text, spans)
        day_first = dates.are_day_first(text[span.start : span.end] for span in spans)

        def surrogate(span: Found, original: str) -> str:
            made = self.surrogates.replacement(original, span.label, patient, removed, day_first)
            return f"[**{span.label}**]" if made is None else made

        return surrogate


def find_all(
    text: str,
    detector: Detector | None = None,
    thresholds: dict[str, float] | None = None,
    use_rules: bool = True,
) -> list[Found]:
    """Returns what is removed from a note, in order and without overlap.

    Args as the attributes of `Cleaner`.
    """
    found = rules.find(text) if use_rules else []
    if detector is not None:
        of_model = from_detector(text, detector(text), thresholds)
        # A model's pieces may end inside a word; the rules know where theirs end.
        found += [whole_words(text, span) for span in of_model]
    spans = union(found)
    kept = Ranges([match.span() for match in rules.PLACEHOLDER.finditer(text)])
    for _ in range(_ROUNDS):
        covered = Ranges([(span.start, span.end) for span in spans])
        more = [
            span
            for span in repeats.find(text, spans)
            if not kept.touch(span.start, span.end) and not covered.touch(span.start, span.end)
        ]
        if not more:
            break
        spans = union([*spans, *more])
    return spans


def replace(text: str, spans: list[Found], style: Callable[[Found, str], str]) -> CleanNote:
    """Replaces spans and scans the clean text again for everything that was removed.

    Args:
        text: the note.
        spans: in order, without overlap.
        style: (span, removed text) -> what stands there instead.
    """
    pieces: list[str] = []
    replacements = []
    position = length = 0
    for span in spans:
        kept = text[position : span.start]
        original = text[span.start : span.end]
        made = style(span, original)
        start = length + len(kept)
        replacements.append(
            Replacement(start, start + len(made), original, span.label, span.source)
        )
        pieces += (kept, made)
        length = start + len(made)
        position = span.end
    clean = "".join((*pieces, text[position:]))
    return CleanNote(clean, tuple(replacements), still_there(clean, replacements))


def still_there(clean: str, replacements: list[Replacement]) -> Counter:
    """Counts, by type, removed texts that the clean text still holds as whole words."""
    labels = {}
    for replacement in replacements:
        labels.setdefault(replacement.original, replacement.label)
    made = Ranges([(r.start, r.end) for r in replacements])
    found = repeats.exact(clean, labels)
    return Counter(label for label, start, end in found if not made.touch(start, end))


def removed_words(text: str, spans: list[Found]) -> frozenset[str]:
    """Returns the words in lower case that no surrogate of the note may hold."""
    return frozenset(
        word.lower()
        for span in spans
        for word in repeats.words(text[span.start : span.end])
        if is_name(span.label) or len(word) >= repeats.MIN_CHARACTERS
    )
