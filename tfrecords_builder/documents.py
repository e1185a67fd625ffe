"""Inputs to tokenized documents, a batch at a time.

Reading happens in one process, the work on the text in the workers: a batch goes to a worker as
plain text and comes back as compact arrays with what was counted.
"""

import dataclasses
import itertools
import os
import re
from collections.abc import Iterable, Iterator

from tfrecords_builder import instances, notes, sections, sentences
from tfrecords_builder.duplicates.deduplication import Deduplicator
from tfrecords_builder.sections import content_length
from tfrecords_builder.settings import BuilderSettings
from tfrecords_builder.sources.note_tables import OnBytes
from tfrecords_builder.storage import spill

SENTENCE_FILE_SUFFIX = ".txt"
# Text a batch: a worker is busy for about a tenth of a second.
_BATCH_CHARACTERS = 1 << 19
_BLOCK_BYTES = 1 << 20
# Most documents are shorter: where one ends is looked for here first.
_TAIL_BYTES = 1 << 14
# Ends the reasons for which copies are left out.
COPY = "_copy"
_BLANK_LINE = re.compile(rb"\n[^\S\n]*\n")


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
    """Which notes to leave out; see `notes.read_notes`."""

    categories: frozenset[str] | None = None
    exclude_subjects: frozenset[str] = frozenset()
    exclude_admissions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: BuilderSettings) -> "NoteFilters":
        """Reads the lists that the settings name."""
        lists = [
            notes.read_ids(path) if path else frozenset()
            for path in (settings.exclude_subjects, settings.exclude_admissions)
        ]
        return cls(frozenset(settings.categories) or None, *lists)


@dataclasses.dataclass
class Counts:
    """What the workers counted; characters without white space and rulers.

    Attributes:
        read: documents that came.
        written: documents with at least one wordpiece.
        empty: documents without.
        failed: one {"note_id", "reason"} a note that could not be cut into sentences.
        sections, sentences, tokens: in the documents written.
        characters_read, characters_kept: before and after sections and sentences.
    """

    read: int = 0
    written: int = 0
    empty: int = 0
    failed: list[dict[str, str]] = dataclasses.field(default_factory=list)
    sections: int = 0
    sentences: int = 0
    tokens: int = 0
    characters_read: int = 0
    characters_kept: int = 0

    def add(self, other: "Counts") -> None:
        """Adds what another batch counted."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def is_sentence_file(path: str) -> bool:
    """Whether a source is a file of sentences rather than notes."""
    return path.endswith(SENTENCE_FILE_SUFFIX) and os.path.isfile(path)


def read_sentence_blocks(path: str) -> Iterator[tuple[int, int, bytes]]:
    """A sentence file in blocks that end between documents.

    The blocks follow from the file alone, so that documents can be named by them.

    Yields:
        The block's offset in the file, bytes; the number of its first line; its bytes.
    """
    offset, line = 0, 1
    pending = b""
    with open(path, "rb") as file:
        while data := file.read(_BLOCK_BYTES):
            pending += data
            if cut := _last_blank_line(pending):
                yield offset, line, pending[:cut]
                offset += cut
                line += pending.count(b"\n", 0, cut)
                pending = pending[cut:]
    if pending:
        yield offset, line, pending


def _last_blank_line(data: bytes) -> int:
    """Where the text behind the last blank line begins; 0 where there is none."""
    for size in (_TAIL_BYTES, len(data)):
        tail = data[-size:]
        ends = [match.end() for match in _BLANK_LINE.finditer(tail)]
        if ends:
            return len(data) - len(tail) + ends[-1]
    return 0


def make_deduplicator(settings: BuilderSettings) -> Deduplicator | None:
    """What finds the notes whose text came before; None where all are kept."""
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
    counts: notes.NoteCounts,
    deduplicator: Deduplicator | None = None,
    on_bytes: OnBytes | None = None,
) -> Iterator[TextDocument]:
    """The notes of a source as documents; what is left out is counted in `counts`.

    Args:
        path: see `notes.read_notes`.
        number: the source's place among the inputs; tells its notes from others'.
        filters: which notes to leave out.
        counts: filled in while the notes stream.
        deduplicator: sees every note that the filters leave; copies are left out too.
        on_bytes: see `notes.read_notes`.
    """
    found = notes.read_notes(
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
            counts.characters -= len(note.text)
            counts.count_filtered(f"{kind}{COPY}")
            continue
        yield TextDocument(f"{number}#{note.note_id}", note.note_id, note.text)


def read_batches(
    paths: Iterable[str],
    filters: NoteFilters,
    counts: notes.NoteCounts,
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
    """
    for number, path in enumerate(paths, first_number):
        if is_sentence_file(path):
            for offset, line, data in read_sentence_blocks(path):
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
            if size >= _BATCH_CHARACTERS:
                yield NoteBatch(batch)
                batch = []
                size = 0
        if batch:
            yield NoteBatch(batch)


@dataclasses.dataclass(frozen=True)
class DocumentEncoder:
    """Cuts and tokenizes documents in a worker.

    Attributes:
        settings: the build's settings.
        tokenizer: a `tokenization.BertTokenizer`.
    """

    settings: BuilderSettings
    tokenizer: object

    def encode(
        self, batch: NoteBatch | SentenceBlock
    ) -> tuple[list[spill.EncodedDocument], Counts]:
        """Tokenizes a batch, by its kind.

        Raises:
            ValueError: a sentence file is not UTF-8; names the line.
        """
        if isinstance(batch, NoteBatch):
            return self._encode_notes(batch.notes)
        return self._encode_sentences(batch)

    def release(self) -> None:
        """Frees what encoding filled; it is made anew where it is needed again."""
        self.tokenizer.forget_words()
        sentences.splitter.cache_clear()

    def _encode_sentences(self, block: SentenceBlock) -> tuple[list[spill.EncodedDocument], Counts]:
        lines = instances.decode_lines(block.data, block.path, block.first_line)
        documents = [
            list(group) for is_text, group in itertools.groupby(lines, key=bool) if is_text
        ]
        ids = [f"{block.block_id}.{ordinal}" for ordinal in range(len(documents))]
        counts = Counts(read=len(documents))
        counts.characters_read = content_length("\n".join(lines))
        counts.characters_kept = counts.characters_read
        return self._encode(ids, documents, counts), counts

    def _encode_notes(
        self, batch: list[TextDocument]
    ) -> tuple[list[spill.EncodedDocument], Counts]:
        """Cuts notes into sections and sentences and tokenizes them.

        A note whose sections or sentences cannot be found is counted as failed, by its id.
        """
        counts = Counts(read=len(batch))
        split = sentences.splitter(self.settings.sentences)
        ids, lines = [], []
        for document in batch:
            counts.characters_read += content_length(document.text)
            step = f"sections={self.settings.sections}"
            try:
                parts = sections.split_sections(document.text, self.settings.sections)
                step = f"sentences={self.settings.sentences}"
                found = split(parts)
            except Exception as error:
                # Rules and pipelines raise whatever they run into; never the text itself.
                reason = f"{step}: {type(error).__name__}"
                counts.failed.append({"note_id": document.note_id, "reason": reason})
                continue
            counts.sections += len(parts)
            counts.characters_kept += content_length("\n".join(found))
            ids.append(document.document_id)
            lines.append(found)
        return self._encode(ids, lines, counts), counts

    def _encode(
        self, document_ids: list[str], lines: list[list[str]], counts: Counts
    ) -> list[spill.EncodedDocument]:
        ids, lengths = self.tokenizer.encode_lines(itertools.chain.from_iterable(lines))
        encoded = []
        line = token = 0
        for document_id, own_lines in zip(document_ids, lines, strict=True):
            own_lengths = lengths[line : line + len(own_lines)]
            size = int(own_lengths.sum())
            made = spill.encode_document(
                document_id,
                ids[token : token + size],
                own_lengths,
                random_seed=self.settings.random_seed,
                num_shards=self.settings.num_shards,
                vocab_size=self.tokenizer.vocab_size,
            )
            line += len(own_lines)
            token += size
            if made is None:
                counts.empty += 1
                continue
            encoded.append(made)
            counts.written += 1
            counts.sentences += made.sentences
            counts.tokens += made.tokens
        return encoded
