"""A note to its sentences and how much of it they hold, the same for every command."""

import dataclasses

from tfrecords_builder.text import sections, sentences
from tfrecords_builder.text.cleaning import content_length, mark_placeholders, with_line_feeds


@dataclasses.dataclass(frozen=True)
class CutNote:
    """What became of a note; characters without white space and rulers.

    Attributes:
        lines: its sentences; none where it failed.
        sections: how many it has.
        characters_read: of the note.
        characters_kept: of `lines`.
        failure: None, or the step that failed and the exception's name, never the text.
    """

    lines: list[str] = dataclasses.field(repr=False)
    sections: int
    characters_read: int
    characters_kept: int
    failure: str | None = None


def cut_note(text: str, section_rules: str, sentence_rules: str) -> CutNote:
    """Cuts a note into sections and these into sentences.

    Placeholders of deidentification within a line (`___`) take the form `[** **]` first, which
    the rules for sentences keep whole; "as_published" cuts at them, as the reference does.
    The sentences of "huang2019" are those of the whole note as it stands.

    Args:
        text: the note.
        section_rules: see `sections.split_sections`.
        sentence_rules: see `sentences.splitter`.

    Raises:
        ImportError: spaCy is asked for and not installed.
        ValueError: the spaCy pipeline asked for is not there.
    """
    split = sentences.splitter(sentence_rules)
    is_whole = sentence_rules == sentences.HUANG2019
    if section_rules != "as_published" and not is_whole:
        text = mark_placeholders(with_line_feeds(text))
    characters_read = content_length(text)
    step = f"sections={section_rules}"
    try:
        parts = [text] if is_whole else sections.split_sections(text, section_rules)
        step = f"sentences={sentence_rules}"
        lines = split(parts)
    except Exception as error:
        # Rules and pipelines raise whatever they run into. Where the published rules fail, their
        # own exception says more than ours.
        name = getattr(error, "reference_error", type(error).__name__)
        return CutNote([], 0, characters_read, 0, f"{step}: {name}")
    return CutNote(lines, len(parts), characters_read, content_length("\n".join(lines)))
