"""Writes notes as the reference's text files: a sentence a line, a blank line between notes.

    python -m tfrecords_builder.format_notes --input=NOTEEVENTS.csv.gz --output_dir=sentences

There is one file a category, `Nursing/other` in `Nursing_other.txt`, and `counts.json`, which says
what became of every note. Without --input it writes the sentences of invented notes.
"""

import contextlib
import dataclasses
import glob
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from tfrecords_builder import command_line, synthetic
from tfrecords_builder.files import naming, open_private, try_lock
from tfrecords_builder.notes.reading import NoteCounts, check_ids, read_ids, read_notes, source_name
from tfrecords_builder.notes.sources import input_files
from tfrecords_builder.schema import Note
from tfrecords_builder.text import sentences
from tfrecords_builder.text.cutting import cut_note

COUNTS_NAME = "counts.json"
_MOST_CATEGORIES = 200
# See `files.temporary_name`: what a killed run left.
_TEMPORARY = re.compile(rf"\.(\w+\.txt|{re.escape(COUNTS_NAME)})\.tmp-[0-9a-f]{{32}}")


@dataclasses.dataclass(frozen=True)
class FormatSettings:
    """What to write.

    Attributes:
        output_dir: a folder that is new or empty, except for what a killed run left unfinished.
        input: sources of notes, see `reading.read_notes`; none: invented notes.
        sections: "corrected" or "as_published".
        sentences: "rules", "huang2019", or "spacy:" and a pipeline; see `sentences.splitter`.
        categories: kinds of note to keep; empty keeps all.
        exclude_subjects: a file of subject ids to leave out, one per line, or None; see
            `reading.read_notes`.
        exclude_admissions: a file of admission ids to leave out, one per line, or None.
        synthetic_notes: how many to invent if there is no input.
    """

    output_dir: str
    input: tuple[str, ...] = ()
    sections: str = "corrected"
    sentences: str = sentences.RULES
    categories: tuple[str, ...] = ()
    exclude_subjects: str | None = None
    exclude_admissions: str | None = None
    synthetic_notes: int = 500

    def __post_init__(self) -> None:
        sentences.check_name(self.sentences)


@dataclasses.dataclass
class FormatCounts:
    """What was written.

    Attributes:
        notes: what became of the notes while reading.
        written: notes written, by file name.
        sections, sentences: in the notes written.
        content_read, content_kept: characters other than white space and rulers, in the
            notes and in their sentences.
        failed_notes: one {"note_id", "reason"} a note that could not be cut into sentences.
    """

    notes: NoteCounts = dataclasses.field(default_factory=NoteCounts)
    written: dict[str, int] = dataclasses.field(default_factory=dict)
    sections: int = 0
    sentences: int = 0
    content_read: int = 0
    content_kept: int = 0
    failed_notes: list[dict[str, str]] = dataclasses.field(default_factory=list)


def format_notes(settings: FormatSettings) -> FormatCounts:
    """Writes the sentence files; they appear all together when the last note is written.

    What a killed run left unfinished in the output folder is removed.

    Raises:
        FileExistsError: the output folder holds files.
        FileNotFoundError: a path or glob names nothing.
        ImportError: a source or `sentences` needs an extra that is not installed; names it.
        RuntimeError: another process writes into the output folder.
        ValueError: a source cannot be read to its end, has not the ids by which notes shall be
            left out, or has too many categories for a file each.
    """
    _leftovers(settings.output_dir)
    if settings.input:
        sources = tuple(input_files.find_sources(settings.input))
        settings = dataclasses.replace(settings, input=sources)
    described = dataclasses.asdict(settings) | {
        "input": list(map(source_name, settings.input)),
        "sentences": sentences.describe(settings.sentences),
    }
    lists = _read_lists(settings)
    counts = FormatCounts()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_empty_folder(settings.output_dir))
        # Opened first, it is the last to get its name.
        path = os.path.join(settings.output_dir, COUNTS_NAME)
        counts_file = stack.enter_context(open_private(path))
        files = _CategoryFiles(settings.output_dir, stack)
        for note in _progress(_read(settings, lists, counts.notes)):
            lines = _sentences(note, settings, counts)
            if lines:
                name, file = files.of(note.category)
                file.write(("\n".join(lines) + "\n\n").encode("utf-8"))
                counts.written[name] = counts.written.get(name, 0) + 1
        counts.notes.warn()
        report = dataclasses.asdict(counts) | {"settings": described}
        # It names patients: the ids that were met.
        del report["notes"]["lists"]
        counts_file.write(json.dumps(report, indent=1, sort_keys=True).encode("utf-8") + b"\n")
    return counts


def _leftovers(output_dir: str) -> list[str]:
    """Paths of what a killed run left in the folder; any other file there is an error."""
    names = os.listdir(output_dir) if os.path.isdir(output_dir) else []
    if not all(map(_TEMPORARY.fullmatch, names)):
        raise FileExistsError(
            f"Expected a new or empty folder, received {output_dir}, which holds files. "
            "Name another --output_dir or empty it."
        )
    return [os.path.join(output_dir, name) for name in names]


@contextlib.contextmanager
def _empty_folder(output_dir: str) -> Iterator[None]:
    """Makes or empties the folder and holds it against a second process at the same time."""
    with contextlib.ExitStack() as stack:
        with naming(output_dir):
            os.makedirs(output_dir, mode=0o700, exist_ok=True)
            # The folder itself is the lock: a file in it would be one more to leave behind.
            descriptor = os.open(output_dir, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        # Without locks a second process would take the first one's files for leftovers; the first
        # then fails by name when it ends.
        if not try_lock(descriptor):
            raise RuntimeError(
                f"Expected to write alone in {output_dir}, received a folder that another "
                "process writes into. Wait for it or name another --output_dir."
            )
        for path in _leftovers(output_dir):
            with naming(path):
                os.unlink(path)
        yield


class _CategoryFiles:
    """One open file a category, under a name that every file system takes."""

    def __init__(self, output_dir: str, stack: contextlib.ExitStack):
        self._output_dir = output_dir
        self._stack = stack
        self._files: dict[str, tuple[str, BinaryIO]] = {}

    def of(self, category: str) -> tuple[str, BinaryIO]:
        """The name and the open file of a category."""
        if category not in self._files:
            if len(self._files) == _MOST_CATEGORIES:
                raise ValueError(
                    f"Expected at most {_MOST_CATEGORIES} categories, received more. Choose some "
                    "with --categories."
                )
            name = self._new_name(category)
            path = os.path.join(self._output_dir, name)
            self._files[category] = name, self._stack.enter_context(open_private(path))
        return self._files[category]

    def _new_name(self, category: str) -> str:
        stem = re.sub(r"\W+", "_", category).strip("_")[:100] or "uncategorised"
        # "ECG" and "Ecg" are one file if the file system ignores case.
        taken = {name.casefold() for name, _ in self._files.values()}
        name, number = f"{stem}.txt", 2
        while name.casefold() in taken:
            name, number = f"{stem}_{number}.txt", number + 1
        return name


def _sentences(note: Note, settings: FormatSettings, counts: FormatCounts) -> list[str]:
    cut = cut_note(note.text, settings.sections, settings.sentences)
    counts.content_read += cut.characters_read
    counts.content_kept += cut.characters_kept
    counts.sections += cut.sections
    counts.sentences += len(cut.lines)
    if cut.failure:
        counts.failed_notes.append({"note_id": note.note_id, "reason": cut.failure})
    return cut.lines


def _read_lists(settings: FormatSettings) -> list[frozenset[str]]:
    """The subjects and the admissions to leave out, which every source must be able to tell."""
    lists = [
        read_ids(path) if path else frozenset()
        for path in (settings.exclude_subjects, settings.exclude_admissions)
    ]
    for path in settings.input:
        check_ids(path, *lists)
    return lists


def _read(
    settings: FormatSettings, lists: list[frozenset[str]], counts: NoteCounts
) -> Iterator[Note]:
    with tempfile.TemporaryDirectory() as folder:
        paths = settings.input
        if not paths:
            paths = (os.path.join(folder, "NOTEEVENTS.csv"),)
            synthetic.write_noteevents(paths[0], settings.synthetic_notes, seed=7)
        for path in paths:
            yield from read_notes(path, settings.categories or None, *lists, counts)


def _progress(found: Iterator[Note]) -> Iterator[Note]:
    from tqdm import tqdm

    return tqdm(found, unit=" notes", disable=None)


def _report(settings: FormatSettings, counts: FormatCounts) -> str:
    kept = counts.content_kept / max(1, counts.content_read)
    written = shlex.quote(os.path.join(glob.escape(settings.output_dir), "*.txt"))
    lines = [
        f"read {counts.notes.read:,} notes, {counts.notes.empty:,} of them empty",
        *(f"left out {number:,}: {reason}" for reason, number in counts.notes.filtered.items()),
        f"failed {len(counts.failed_notes):,} (ids in {COUNTS_NAME})",
        *(f"wrote {number:,} notes to {name}" for name, number in sorted(counts.written.items())),
        f"{counts.sections:,} sections, {counts.sentences:,} sentences, {kept:.2%} of the "
        "characters kept",
        f"Wrote sentence files to {settings.output_dir}.",
        "Next: python -m tfrecords_builder.create_pretraining_data "
        f"--input_file={written} --output_file=notes.tfrecord --vocab_file=VOCABULARY "
        "--do_lower_case=False",
        "(VOCABULARY: a released model's vocab.txt, with --do_lower_case=True where it is "
        "uncased; or vocab.txt, learnt with: python -m tfrecords_builder.vocabulary "
        f"--input={written} --output=vocab.txt)",
    ]
    return "\n".join(lines)


def _define_flags() -> None:
    from absl import flags

    flags.DEFINE_multi_string(
        "input",
        [],
        "Sources of notes, files and globs with commas between, several times if you like; a "
        "database, URL#QUERY, in an --input of its own. As for `python -m tfrecords_builder`, "
        "sentence files aside. None: invented notes.",
    )
    flags.DEFINE_string("output_dir", "sentences", "A new or empty folder for the sentence files.")
    flags.DEFINE_enum(
        "sections", "corrected", ("corrected", "as_published"), "Rules that cut notes."
    )
    flags.DEFINE_string(
        "sentences",
        "rules",
        "What cuts sections into sentences: rules, or spacy:PIPELINE (extra `spacy`): an installed "
        "spaCy pipeline, a folder of one, spacy:blank, or spacy:blank:de for another language. "
        "huang2019: the pretraining text of Huang et al. 2019, cleaned and without digits.",
    )
    flags.DEFINE_list("categories", [], "Kinds of note to keep; all if none is named.")
    flags.DEFINE_string(
        "exclude_subjects",
        None,
        "A file of subject ids to leave out, one per line. Notes whose subject is not known are "
        "left out too (unknown_subject); an input without subject ids is an error.",
    )
    flags.DEFINE_string(
        "exclude_admissions",
        None,
        "A file of admission ids to leave out, one per line. Notes of no admission, such as those "
        "of outpatients, are kept; an input without admission ids is an error.",
    )
    flags.DEFINE_integer("synthetic_notes", 500, "Invented notes without --input.", lower_bound=1)


def main(argv: list[str]) -> None:
    from absl import app, flags

    if len(argv) > 1:
        raise app.UsageError(f"Expected only flags, received {argv[1]!r}.")
    values = flags.FLAGS.flag_values_dict()
    fields = {name: values[name] for name in FormatSettings.__dataclass_fields__}
    fields["input"] = tuple(input_files.split_sources(values["input"]))
    fields["categories"] = tuple(values["categories"])
    if not fields["input"]:
        print(f"No --input: writing the sentences of {values['synthetic_notes']} invented notes.")
    try:
        settings = FormatSettings(**fields)
        counts = format_notes(settings)
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        sys.exit(f"Error: {error}")
    print(_report(settings, counts))


if __name__ == "__main__":
    _define_flags()
    command_line.run(main)
