"""Divides notes into their sections: title, kind and place of each, as JSON lines.

    python -m tfrecords_builder.segment --input=NOTEEVENTS.csv.gz --output=sections.jsonl

A line is a section; text[start:end] of the note is its text, and no character of a note is left
out. --sentences adds the places of the sentences.
The output holds text of notes unless --notext is given: it is made for its owner only. Without
--input it divides invented notes.
"""

import collections
import dataclasses
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator

from absl import app, flags

from tfrecords_builder import command_line, files, synthetic
from tfrecords_builder.notes.reading import NoteCounts, read_notes
from tfrecords_builder.notes.sources import input_files
from tfrecords_builder.schema import Note
from tfrecords_builder.text import section_kinds, segments, sentences

_INVENTED_NOTES, _INVENTED_SEED = 500, 7


@dataclasses.dataclass(frozen=True)
class SegmentSettings:
    """What to write.

    Attributes:
        output: the file of JSON lines; replaced when complete.
        input: sources of notes, see `reading.read_notes`; none: invented notes.
        kinds: kinds of section to write; empty writes all.
        kinds_file: a table that extends the package's, see `section_kinds.read_kinds`, or None.
        sentences: None, or how sentences are found: see `sentences.splitter`.
        text: whether each section's text is written too.
        categories: kinds of note to keep; empty keeps all.
    """

    output: str
    input: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    kinds_file: str | None = None
    sentences: str | None = None
    text: bool = True
    categories: tuple[str, ...] = ()


@dataclasses.dataclass
class SegmentCounts:
    """What was written.

    Attributes:
        notes: what became of the notes while reading.
        sections: by kind.
        characters: of the notes, white space included.
        unaccounted: characters of them in no section.
    """

    notes: NoteCounts = dataclasses.field(default_factory=NoteCounts)
    sections: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    characters: int = 0
    unaccounted: int = 0


def segment_notes(settings: SegmentSettings) -> SegmentCounts:
    """Writes the sections of all notes, one JSON object per line, in the notes' order.

    Raises:
        FileNotFoundError: a path or glob names nothing.
        ImportError: a source or `sentences` needs an extra that is not installed; names it.
        ValueError: a source cannot be read to its end, or a kind is unknown.
    """
    table = section_kinds.KINDS
    if settings.kinds_file:
        table = section_kinds.read_kinds(settings.kinds_file)
    wanted = table.check(settings.kinds) or table.names
    split = None
    if settings.sentences:
        sentences.check_name(settings.sentences)
        if settings.sentences == sentences.HUANG2019:
            raise ValueError(
                "Expected sentences that stand in the note, received huang2019, which changes the "
                "text. Drop --sentence_rules, or use python -m tfrecords_builder.format_notes."
            )
        split = sentences.splitter(settings.sentences)
    counts = SegmentCounts()
    with files.open_private(settings.output) as file:
        for note in _read(settings, counts.notes):
            found = segments.segment(note.text, table)
            counts.characters += len(note.text)
            counts.unaccounted += len(note.text) - sum(one.end - one.start for one in found)
            for number, one in enumerate(found):
                if one.kind in wanted:
                    counts.sections[one.kind] += 1
                    line = _described(note, number, one, settings.text, split)
                    file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    return counts


def _described(note: Note, number: int, one: segments.Segment, with_text: bool, split) -> dict:
    ids = {"note_id": note.note_id, "subject_id": note.subject_id, "hadm_id": note.hadm_id}
    line = {name: value for name, value in ids.items() if value is not None}
    if note.category:
        line["category"] = note.category
    line |= {"section": number, "title": one.title, "kind": one.kind}
    line |= {"start": one.start, "end": one.end}
    if with_text:
        line["text"] = note.text[one.start : one.end]
    if split:
        spans = segments.sentence_spans(note.text, one.start, one.end, split)
        line["sentences"] = [{"start": start, "end": end} for start, end in spans]
    return line


def _read(settings: SegmentSettings, counts: NoteCounts) -> Iterator[Note]:
    categories = settings.categories or None
    with tempfile.TemporaryDirectory() as folder:
        paths = input_files.find_sources(settings.input) if settings.input else []
        if not paths:
            paths = [os.path.join(folder, "NOTEEVENTS.csv")]
            synthetic.write_noteevents(paths[0], _INVENTED_NOTES, _INVENTED_SEED)
        # Places are those in the text as its source has it.
        yield from read_notes(paths, categories, counts=counts, original_text=True)


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags."""
    common = {"flag_values": flag_values}
    flags.DEFINE_multi_string(
        "input",
        [],
        "Sources of notes as for `python -m tfrecords_builder`; a .txt file is one note. None: "
        f"{_INVENTED_NOTES} invented notes.",
        **common,
    )
    flags.DEFINE_string("output", "sections.jsonl", "The file of JSON lines (mode 0600).", **common)
    flags.DEFINE_bool("sentences", False, "Also write each sentence's start and end.", **common)
    flags.DEFINE_string(
        "sentence_rules",
        sentences.RULES,
        "What finds sentences: rules (English and Chinese), or spacy:PIPELINE, such as "
        "spacy:blank:de.",
        **common,
    )
    flags.DEFINE_list(
        "kinds",
        [],
        f"Kinds of section to write; default: all of {', '.join(section_kinds.KINDS.names)}.",
        **common,
    )
    flags.DEFINE_string(
        "kinds_file",
        None,
        'A JSON file that extends the table of titles: {"kind": ["title", ...]}.',
        **common,
    )
    flags.DEFINE_bool("text", True, "Also write each section's text.", **common)
    flags.DEFINE_list("categories", [], "Kinds of note to keep; default: all.", **common)


def settings_from_flags(flag_values: flags.FlagValues = flags.FLAGS) -> SegmentSettings:
    """Returns the flags as settings."""
    return SegmentSettings(
        output=flag_values.output,
        input=tuple(input_files.split_sources(flag_values.input)),
        kinds=tuple(flag_values.kinds),
        kinds_file=flag_values.kinds_file,
        sentences=flag_values.sentence_rules if flag_values.sentences else None,
        text=flag_values.text,
        categories=tuple(flag_values.categories),
    )


def main(argv: list[str]) -> None:
    """Runs the command."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected only flags, received {argv[1]!r}.")
    settings = settings_from_flags()
    if not settings.input:
        print(f"No --input: dividing {_INVENTED_NOTES} invented notes.")
    try:
        counts = segment_notes(settings)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"Error: {error}")
    for kind, number in counts.sections.most_common():
        print(f"{kind:32}{number:>12,}")
    print(
        f"Divided {counts.notes.used:,} notes into {counts.sections.total():,} sections; "
        f"{counts.unaccounted} of {counts.characters:,} characters unaccounted. Wrote "
        f"{shlex.quote(settings.output)}."
    )


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
