"""The whole stage's settings: one frozen value, checked before anything is read."""

import dataclasses
import os

from tfrecords_builder.pairing.masking import MIN_SEQ_LENGTH
from tfrecords_builder.text import sentences

SECTION_RULES = ("corrected", "as_published")
MASKINGS = ("static", "dynamic")
COMPRESSIONS = ("none", "gzip")
DEDUPLICATIONS = ("none", "exact", "minhash")
# As `file_kinds.TEXT_FILES`, which not every user of the settings needs to load.
TEXT_FILES = ("auto", "sentences", "notes")
STATIC_DUPE_FACTOR = 5
MAX_SHARDS = 99_999
# So many names there are, of which half are planted; see `canaries.MOST`.
MAX_CANARIES = 200

# What does not shape a record, and so may differ when a killed build resumes.
_NOT_IN_RECORDS = (
    "output_dir",
    "num_workers",
    "overwrite",
    # The plan holds their hashes.
    "input",
    "vocab_file",
    "synthetic_notes",
    "synthetic_vocab_size",
)


def usable_cores() -> int:
    """The cores this process may use; if the system does not say so (macOS), all it has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclasses.dataclass(frozen=True)
class BuilderSettings:
    """What to build from what.

    Attributes:
        output_dir: the folder of records to make.
        input: sources of notes (see `reading.read_notes`; globs too) and sentence files (.txt, a
            sentence a line, blank line between documents). None: synthetic notes, the embedded
            default.
        vocab_file: the vocabulary; None with the embedded default learns one.
        do_lower_case: None takes it from the vocabulary; a conflict with it is an error.
        max_seq_length: tokens per instance, specials included.
        max_predictions_per_seq: masked tokens per instance at most.
        dupe_factor: passes over the documents, each masked again; None is 5, or 1 for dynamic
            masking.
        masked_lm_prob: share of tokens to mask, a fraction.
        short_seq_prob: share of documents cut into shorter instances, a fraction.
        do_whole_word_mask: mask all wordpieces of a word together.
        random_seed: seed of every random choice.
        sections: "corrected" or "as_published".
        sentences: "rules", "huang2019", or "spacy:" and a pipeline; see `sentences.splitter`.
        text_files: what `.txt` files named by path or glob are read as: "sentences" (cut already),
            "notes" (one per file) or "auto", which tells it from their content.
        categories: kinds of note to keep; empty keeps all.
        exclude_subjects: a file of subject ids to leave out, one per line, or None. Notes of
            unknown subjects are left out with them; an input without subject ids is an error.
        exclude_admissions: a file of admission ids to leave out, one per line, or None. Notes of no
            admission are kept; an input without admission ids is an error.
        deduplicate: "exact" leaves out notes whose text came before, "minhash" also those with
            nearly the same text; "none" keeps all. Sentence files are not deduplicated.
        deduplicate_threshold: similarity of a near copy, a fraction; see `deduplication`.
        deduplicate_memory_mb: bound of what is remembered of earlier notes, MiB.
        canaries: invented secrets to plant, see `canaries`; 0 plants none.
        canary_repeats: notes that hold each of them.
        masking: "static", or "dynamic" for unmasked records that the input pipeline masks.
        compression: "none" or "gzip".
        num_shards: files of records.
        num_workers: processes; 0 takes as many as there are cores.
        pool_documents: documents that are paired, shuffled and lend each other random segments
            at a time; bounds the memory.
        overwrite: replace the records that `output_dir` holds.
        synthetic_notes: notes of the embedded default.
        synthetic_vocab_size: rows of the embedded default's vocabulary.
    """

    output_dir: str
    input: tuple[str, ...] = ()
    vocab_file: str | None = None
    do_lower_case: bool | None = None
    max_seq_length: int = 128
    max_predictions_per_seq: int = 20
    dupe_factor: int | None = None
    masked_lm_prob: float = 0.15
    short_seq_prob: float = 0.1
    do_whole_word_mask: bool = False
    random_seed: int = 12345
    sections: str = "corrected"
    sentences: str = sentences.RULES
    text_files: str = "auto"
    categories: tuple[str, ...] = ()
    exclude_subjects: str | None = None
    exclude_admissions: str | None = None
    deduplicate: str = "none"
    deduplicate_threshold: float = 0.8
    deduplicate_memory_mb: int = 512
    canaries: int = 0
    canary_repeats: int = 4
    masking: str = "static"
    compression: str = "none"
    num_shards: int = 16
    num_workers: int = 0
    pool_documents: int = 16384
    overwrite: bool = False
    synthetic_notes: int = 500
    synthetic_vocab_size: int = 2000

    def __post_init__(self) -> None:
        for name, least in (
            ("max_seq_length", MIN_SEQ_LENGTH),
            ("max_predictions_per_seq", 1),
            ("dupe_factor", 1),
            ("num_shards", 1),
            ("num_workers", 0),
            ("pool_documents", 2),
            ("deduplicate_memory_mb", 1),
            ("random_seed", 0),
            ("canaries", 0),
            ("canary_repeats", 1),
            ("synthetic_notes", 2),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"Expected {name} >= {least}, received {value}. Raise it.")
        if self.canaries > MAX_CANARIES:
            raise ValueError(
                f"Expected canaries <= {MAX_CANARIES}, received {self.canaries}. Lower it; raise "
                "canary_repeats for more notes."
            )
        if self.num_shards > MAX_SHARDS:
            raise ValueError(
                f"Expected num_shards <= {MAX_SHARDS}, received {self.num_shards}. Lower it."
            )
        for name in ("masked_lm_prob", "short_seq_prob", "deduplicate_threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"Expected {name} from 0 to 1, received {getattr(self, name)}. "
                    "Give a fraction, not percent."
                )
        for name, known in (
            ("sections", SECTION_RULES),
            ("masking", MASKINGS),
            ("compression", COMPRESSIONS),
            ("deduplicate", DEDUPLICATIONS),
            ("text_files", TEXT_FILES),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"Expected {name} to be one of {', '.join(known)}, received "
                    f"{getattr(self, name)!r}."
                )
        if self.deduplicate_threshold == 0:
            raise ValueError("Expected deduplicate_threshold above 0, received 0. Raise it.")
        sentences.check_name(self.sentences)
        if self.masking == "dynamic" and self.dupe_factor not in (None, 1):
            raise ValueError(
                f"Expected dupe_factor 1 with masking=dynamic, received {self.dupe_factor}: the "
                "input pipeline masks again each epoch. Drop dupe_factor or use masking=static."
            )

    @property
    def passes(self) -> int:
        """`dupe_factor` with its default resolved."""
        if self.dupe_factor is not None:
            return self.dupe_factor
        return 1 if self.masking == "dynamic" else STATIC_DUPE_FACTOR

    @property
    def workers(self) -> int:
        """`num_workers` with its default resolved: the cores this process may use."""
        return self.num_workers or usable_cores()

    def shard_name(self, shard: int) -> str:
        """The file name of shard `shard`."""
        suffix = ".gz" if self.compression == "gzip" else ""
        return f"part-{shard:05d}-of-{self.num_shards:05d}.tfrecord{suffix}"

    def shaping_records(self) -> dict:
        """The settings that shape the records, for the manifest and for comparing builds."""
        fields = dataclasses.asdict(self)
        for name in _NOT_IN_RECORDS:
            del fields[name]
        # Manifests and plans of builds before these settings do not hold them.
        if self.text_files != "notes":
            del fields["text_files"]
        if not self.canaries:
            del fields["canaries"], fields["canary_repeats"]
        return fields | {"dupe_factor": self.passes, "categories": list(self.categories)}
