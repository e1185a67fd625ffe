"""Inputs to documents, a batch at a time.

Reading happens in one process, the work on the text in the workers: a batch goes to a worker as
plain text and comes back as compact arrays with what was counted (`document_encoder`).
"""

import dataclasses
from collections.abc import Iterable, Iterator

from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.notes import reading
from tfrecords_builder.notes.duplicates.deduplication import Deduplicator
from tfrecords_builder.notes.sources import sentence_files
from tfrecords_builder.notes.sources.packed_files import OnBytes

# Text a batch: a worker is busy for about a tenth of a second.
BATCH_CHARACTERS = 1 << 19
# Ends the reasons for which copies are left out.
COPY = "_copy"


@dataclasses.dataclass(frozen=True)
class TextDocument:
    """A note on its way to a worker.

    Attributes:
        document_id: unique in the build; decides shard and place.
        note_id: the source's own id, for reports.
        text: the note.
    """

    document_id: str
    note_id: str
    text: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class NoteBatch:
    """Notes for one call of a worker."""

    notes: list[TextDocument]


@dataclasses.dataclass(frozen=True)
class SentenceBlock:
    """A piece of a sentence file for one call of a worker.

    Attributes:
        path: the file, for errors.
        block_id: unique in the build.
        first_line: the number of its first line, for errors.
        data: whole lines of whole documents.
    """

    path: str
    block_id: str
    first_line: int
    data: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class NoteFilters:
    """Which notes to leave out; see `reading.read_notes`.

    Attributes:
        text_files: what `.txt` files are read as; see `sentence_files.is_sentence_file`.
    """

    categories: frozenset[str] | None = None
    exclude_subjects: frozenset[str] = frozenset()
    exclude_admissions: frozenset[str] = frozenset()
    text_files: str = "sentences"

    @classmethod
    def of(cls, settings: BuilderSettings) -> "NoteFilters":
        """Reads the lists that the settings name and looks whether the inputs can be read.

        Raises:
            ValueError: a list is not as expected, no input holds anything, or see `check`.
        """
        lists = [
            reading.read_ids(path) if path else frozenset()
            for path in (settings.exclude_subjects, settings.exclude_admissions)
        ]
        filters = cls(
            frozenset(settings.categories) or None, *lists, text_files=settings.text_files
        )
        # All of them: one without notes beside others is nothing to refuse.
        if settings.input and not any([filters.check(path) for path in settings.input]):
            names = ", ".join(map(reading.source_name, settings.input))
            raise ValueError(
                f"Expected at least two notes with text in {names}, received none. Check --input."
            )
        return filters

    def check(self, path: str) -> bool:
        """Refuses an input that cannot be opened, or does not say what notes are left out by.

        What only reading tells is refused at the input's turn; see `reading.check_ids`.

        Returns:
            Whether the input can hold notes.

        Raises:
            OSError, ImportError: it cannot be opened.
            ValueError: its first row cannot be read, it has no such ids, or it is a sentence file
                and shall be filtered; names it.
        """
        if not sentence_files.is_sentence_file(path, self.text_files):
            return reading.check_ids(path, self.exclude_subjects, self.exclude_admissions)
        lists = ("categories", "exclude_subjects", "exclude_admissions")
        given = [name for name in lists if getattr(self, name)]
        if given:
            flags = ", ".join(f"--{name}" for name in given)
            raise ValueError(
                f"{path}: expected notes that {flags} can tell apart, received a sentence file, "
                "which has neither ids nor categories. Make it of chosen notes (python -m "
                "tfrecords_builder.format_notes takes the same flags), then drop them here."
            )
        return sentence_files.holds_text(path)


def make_deduplicator(settings: BuilderSettings) -> Deduplicator | None:
    """What finds the notes whose text came before; None if all are kept."""
    if settings.deduplicate == "none":
        return None
    return Deduplicator(
        settings.deduplicate,
        settings.deduplicate_threshold,
        settings.deduplicate_memory_mb,
        settings.random_seed,
    )


def read_note_documents(
    path: str,
    number: int,
    filters: NoteFilters,
    counts: reading.NoteCounts,
    deduplicator: Deduplicator | None = None,
    on_bytes: OnBytes | None = None,
) -> Iterator[TextDocument]:
    """The notes of a source as documents; what is left out is counted in `counts`.

    Args:
        path: see `reading.read_notes`.
        number: the source's place among the inputs; tells its notes from others'.
        filters: which notes to leave out.
        counts: filled in while the notes stream.
        deduplicator: sees every note that the filters leave; copies are left out too.
        on_bytes: see `reading.read_notes`.
    """
    found = reading.read_notes(
        path,
        filters.categories,
        filters.exclude_subjects,
        filters.exclude_admissions,
        counts,
        on_bytes,
    )
    for note in found:
        if deduplicator and (kind := deduplicator.kind_of_copy(note.text)):
            counts.used -= 1
            counts.count_filtered(f"{kind}{COPY}")
            continue
        yield TextDocument(f"{number}#{note.note_id}", note.note_id, note.text)


def read_batches(
    paths: Iterable[str],
    filters: NoteFilters,
    counts: reading.NoteCounts,
    deduplicator: Deduplicator | None = None,
    first_number: int = 0,
    on_bytes: OnBytes | None = None,
) -> Iterator[NoteBatch | SentenceBlock]:
    """Streams every input in pieces of about equal size.

    Args:
        paths: sources of notes and sentence files.
        filters: which notes to leave out.
        counts: filled in while notes stream.
        deduplicator: leaves out copies of earlier notes; None keeps all.
        first_number: the first path's place among the inputs; part of a document's id.
        on_bytes: told of the bytes of files as they are read.

    Raises:
        ValueError: an input cannot be read to its end or cannot be filtered; names it.
    """
    for number, path in enumerate(paths, first_number):
        if sentence_files.is_sentence_file(path, filters.text_files):
            filters.check(path)
            for offset, line, data in sentence_files.read_blocks(path):
                if on_bytes:
                    on_bytes(len(data))
                yield SentenceBlock(path, f"{number}#{offset}", line, data)
            continue
        batch: list[TextDocument] = []
        size = 0
        found = read_note_documents(path, number, filters, counts, deduplicator, on_bytes)
        for document in found:
            batch.append(document)
            size += len(document.text)
            if size >= BATCH_CHARACTERS:
                yield NoteBatch(batch)
                batch = []
                size = 0
        if batch:
            yield NoteBatch(batch)
