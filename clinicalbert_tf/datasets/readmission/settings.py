"""What to build."""

import dataclasses
import math

HUANG2019 = "huang2019"
SPLITS = ("patient", HUANG2019)
CLEANINGS = ("corrected", HUANG2019)
WORDPIECES, WORDS318 = "wordpieces", "words318"
CHUNKS = (WORDPIECES, WORDS318)
COUNT, MERGE, DROP, KEEP = "count", "merge", "drop", "keep"
SETS = ("discharge", "early_2", "early_3")
SPLIT_NAMES = ("train", "dev", "test")
# Days after admission that an early set sees.
EARLY_DAYS = {"early_2": 2, "early_3": 3}
_CHOICES = {
    "split": SPLITS,
    "cleaning": CLEANINGS,
    "chunks": CHUNKS,
    "overlaps": (COUNT, MERGE, DROP),
    "transfers": (COUNT, MERGE, DROP),
    "elective_index": (KEEP, DROP),
    "unknown_follow_up": (KEEP, DROP),
    "discharge_before_admission": (KEEP, DROP),
    "duplicate_admissions": ("first", DROP),
    "early_stays": ("full", "all"),
}
# What the reference has no choice about.
_OWN_RULES = (
    "overlaps",
    "transfers",
    "min_age",
    "elective_index",
    "unknown_follow_up",
    "discharge_before_admission",
    "duplicate_admissions",
    "early_stays",
    "early_categories",
    "summary_days",
    "dev_fraction",
    "test_fraction",
    "seed",
)


@dataclasses.dataclass(frozen=True)
class ReadmissionSettings:
    """What to build, from what, by which rules.

    Attributes:
        admissions: ADMISSIONS.csv of MIMIC-III, or admissions.csv of MIMIC-IV; gzipped or not.
        notes: NOTEEVENTS.csv, or MIMIC-IV-Note's discharge.csv and radiology.csv.
        output_dir: folder of the results, new or empty.
        patients: PATIENTS.csv, which `min_age` needs; None if ages do not matter.
        window_days: a return counts if it begins less than this many days after discharge.
        split: "patient", or "huang2019" for labels, choice of notes and split of the reference.
        cleaning: "corrected" or "huang2019".
        chunks: "wordpieces" with stride, or "words318" as in the reference.
        sets: of SETS those to build; None for all that the notes allow.
        vocab_file: the vocabulary that "wordpieces" counts with; None to learn one.
        do_lower_case: lower-case the text; None for as the vocabulary has it.
        max_seq_length: tokens per chunk, [CLS] and [SEP] included.
        stride: wordpieces from one chunk's start to the next; None for 3/4 of a chunk.
        overlaps: what to do if a patient's next admission begins before discharge: "count" keeps
            both and does not take it for a return, "merge" makes one stay of both, "drop" leaves
            the first one out.
        transfers: the same if the next admission is a transfer within `transfer_hours`; "count"
            takes it for a return like any other.
        transfer_hours: longest time between discharge and arrival of a transfer.
        min_age: years at admission; None for all ages.
        elective_index: whether elective admissions are themselves predicted for.
        unknown_follow_up: admissions whose label nobody can know; "keep" labels them 0.
        discharge_before_admission: admissions whose discharge lies before their admission.
        duplicate_admissions: rows with a HADM_ID that an earlier row has: keep the "first" row, or
            "drop" all of them.
        early_stays: "full": an early set holds stays that lasted at least its days, so that every
            one was watched equally long; "all": shorter ones too, up to their discharge.
        early_categories: kinds of note in the early sets; empty for all but discharge summaries.
        summary_days: days after discharge within which summaries and addenda may be dated; they
            must also be dated before the patient's next admission.
        dev_fraction, test_fraction: of the patients.
        seed: of the split.
    """

    admissions: str
    notes: tuple[str, ...]
    output_dir: str
    patients: str | None = None
    window_days: float = 30.0
    split: str = "patient"
    cleaning: str = "corrected"
    chunks: str = WORDPIECES
    sets: tuple[str, ...] | None = None
    vocab_file: str | None = None
    do_lower_case: bool | None = None
    max_seq_length: int = 512
    stride: int | None = None
    overlaps: str = COUNT
    transfers: str = COUNT
    transfer_hours: float = 24.0
    min_age: float | None = None
    elective_index: str = KEEP
    unknown_follow_up: str = DROP
    discharge_before_admission: str = DROP
    duplicate_admissions: str = "first"
    early_stays: str = "full"
    early_categories: tuple[str, ...] = ()
    summary_days: int = 7
    dev_fraction: float = 0.1
    test_fraction: float = 0.1
    seed: int = 1

    def __post_init__(self):
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(
                    f"Expected {name} to be one of {', '.join(choices)}, received {value!r}."
                )
        self._check_ranges()
        self._check_fit()

    @property
    def chosen_sets(self) -> tuple[str, ...]:
        return SETS if self.sets is None else self.sets

    def _check_ranges(self) -> None:
        if self.sets is not None and not (self.sets and set(self.sets) <= set(SETS)):
            raise ValueError(
                f"Expected sets among {', '.join(SETS)}, received {', '.join(self.sets) or 'none'}."
            )
        if not self.notes:
            raise ValueError("Expected a file of notes, received none. Give --notes.")
        for name in ("window_days", "transfer_hours", "min_age", "dev_fraction", "test_fraction"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"Expected {name} to be a finite number, received {value}.")
        if self.window_days <= 0:
            raise ValueError(f"Expected window_days above 0, received {self.window_days}.")
        fractions = (self.dev_fraction, self.test_fraction)
        if min(fractions) < 0 or sum(fractions) >= 1:
            raise ValueError(
                "Expected dev_fraction and test_fraction of at least 0 and together below 1, "
                f"received {self.dev_fraction} and {self.test_fraction}."
            )
        if self.max_seq_length < 4:
            raise ValueError(
                f"Expected max_seq_length of at least 4 tokens, received {self.max_seq_length}."
            )
        if self.stride is not None and not 0 < self.stride <= self.max_seq_length - 2:
            raise ValueError(
                f"Expected stride from 1 to {self.max_seq_length - 2} wordpieces "
                f"(max_seq_length - 2), received {self.stride}."
            )

    def _check_fit(self) -> None:
        if self.min_age is not None and self.patients is None:
            raise ValueError(
                f"Expected a table of patients for min_age={self.min_age}, received none. Give "
                "--patients PATIENTS.csv."
            )
        if self.split != HUANG2019:
            return
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        changed = [name for name in _OWN_RULES if getattr(self, name) != defaults[name]]
        if changed:
            raise ValueError(
                f"Expected --split=huang2019 alone, received --{' --'.join(changed)} with it: the "
                "reference has its own rules for these. Drop them, or use --split=patient."
            )
