"""Batches of documents to wordpiece ids, in a worker."""

import dataclasses
import itertools

from tfrecords_builder.building.documents import NoteBatch, SentenceBlock, TextDocument
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage import spill
from tfrecords_builder.notes.sources import sentence_files
from tfrecords_builder.text import sentences
from tfrecords_builder.text.cutting import cut_note
from tfrecords_builder.text.sections import content_length


@dataclasses.dataclass
class Counts:
    """What the workers counted; characters without white space and rulers.

    Attributes:
        read: documents that came.
        written: documents with at least one wordpiece.
        empty: documents without.
        failed: one {"note_id", "reason"} a note that could not be cut into sentences.
        sections, sentences, tokens: in the documents written.
        unknown: tokens that are [UNK].
        characters_read, characters_kept: before and after sections and sentences.
    """

    read: int = 0
    written: int = 0
    empty: int = 0
    failed: list[dict[str, str]] = dataclasses.field(default_factory=list)
    sections: int = 0
    sentences: int = 0
    tokens: int = 0
    unknown: int = 0
    characters_read: int = 0
    characters_kept: int = 0

    def add(self, other: "Counts") -> None:
        """Adds what another batch counted."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


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
        """Frees what encoding filled; it is made again when it is needed."""
        self.tokenizer.forget_words()
        sentences.splitter.cache_clear()

    def _encode_sentences(self, block: SentenceBlock) -> tuple[list[spill.EncodedDocument], Counts]:
        documents = sentence_files.decode_documents(block.data, block.path, block.first_line)
        ids = [f"{block.block_id}.{ordinal}" for ordinal in range(len(documents))]
        counts = Counts(read=len(documents))
        counts.characters_read = content_length("\n".join(itertools.chain.from_iterable(documents)))
        counts.characters_kept = counts.characters_read
        return self._encode(ids, documents, counts), counts

    def _encode_notes(
        self, batch: list[TextDocument]
    ) -> tuple[list[spill.EncodedDocument], Counts]:
        """Cuts notes into sections and sentences and tokenizes them.

        A note whose sections or sentences cannot be found is counted as failed, by its id.
        """
        counts = Counts(read=len(batch))
        ids, lines = [], []
        for document in batch:
            cut = cut_note(document.text, self.settings.sections, self.settings.sentences)
            counts.characters_read += cut.characters_read
            if cut.failure:
                counts.failed.append({"note_id": document.note_id, "reason": cut.failure})
                continue
            counts.sections += cut.sections
            counts.characters_kept += cut.characters_kept
            ids.append(document.document_id)
            lines.append(cut.lines)
        return self._encode(ids, lines, counts), counts

    def _encode(
        self, document_ids: list[str], lines: list[list[str]], counts: Counts
    ) -> list[spill.EncodedDocument]:
        ids, lengths = self.tokenizer.encode_lines(itertools.chain.from_iterable(lines))
        counts.unknown += int((ids == self.tokenizer.unk_id).sum())
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
