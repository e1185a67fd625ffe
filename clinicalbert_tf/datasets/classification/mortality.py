"""Death in hospital, predicted from the notes of an admission's first hours; MIMIC-III and -IV.

One example an admission: its notes from admission to `hours` later, in the order of writing. What
would give the outcome away is left out and counted:

- discharge summaries and their addenda, whatever time they carry;
- notes charted or stored after the window, and notes with a date alone unless that whole day lies
  in the window; notes before the admission belong to another stay;
- admissions that end (death or discharge) within the window, whose outcome its notes may tell;
- newborns, whose notes are of another kind; rows marked as errors;
- admissions and notes whose times cannot be read, and further rows of an admission.

Patients, not admissions, are divided into train, dev and test.
"""

import dataclasses
import datetime
from collections import Counter

from clinicalbert_tf.datasets.classification.examples import Split
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.classification.splitting import parse_fractions, split_examples
from clinicalbert_tf.datasets.classification.text_store import Place, StoredExample, TextStore
from clinicalbert_tf.datasets.released_folders import DOWNLOADS, find_file, require_file
from clinicalbert_tf.datasets.table import RowCounts, TableFormat, read_rows, require_columns
from clinicalbert_tf.datasets.table_files import TableError
from tfrecords_builder.exported_cells import flag_of, known_id

_FRACTIONS = "0.8,0.1,0.1"
_ADMISSIONS = ("ADMISSIONS.csv", "admissions.csv")
# MIMIC-III has one table of notes; MIMIC-IV-Note one per kind, of which discharge.csv holds nothing
# but summaries.
_NOTES = (("NOTEEVENTS.csv", "noteevents.csv"), ("radiology.csv",))
_SUMMARY_TYPES = ("DS", "AD")
_CSV = TableFormat("csv")


@dataclasses.dataclass
class _Admission:
    subject_id: str
    start: datetime.datetime
    end: datetime.datetime
    died: str
    line: int
    notes: list[tuple[datetime.datetime, int, Place]] = dataclasses.field(default_factory=list)


def read_splits(settings: DataSettings, texts: TextStore | None = None) -> dict[str, Split]:
    """Reads admissions and notes.

    Args:
        settings: data_dir with ADMISSIONS.csv and NOTEEVENTS.csv (or MIMIC-IV's admissions.csv and
            radiology.csv), plain or gzipped; hours; do_split (0.8,0.1,0.1 if "") and split_seed.
        texts: where the notes are kept; None for the system's folder of temporary files.

    Returns:
        {"train", "dev", "test"}, disjoint in patients. Notices tell what was left out, with counts.

    Raises:
        FileNotFoundError: a table is not there.
        TableError: a table lacks a column or has an outcome that is none; names file and line.
    """
    if settings.hours <= 0:
        raise ValueError(f"Expected --hours of 1 or more, received {settings.hours}.")
    window = datetime.timedelta(hours=settings.hours)
    texts = texts or TextStore()
    left_out: Counter = Counter()
    admissions_path, _ = require_file(
        settings.data_dir, _ADMISSIONS, "the table of admissions", DOWNLOADS
    )
    all_counts = [RowCounts(admissions_path)]
    admissions = _read_admissions(admissions_path, window, all_counts[0], left_out)
    found = [find_file(settings.data_dir, names, DOWNLOADS) for names in _NOTES]
    paths = [place[0] for place in found if place]
    if not paths:
        require_file(settings.data_dir, _NOTES[0] + _NOTES[1], "a table of notes")
    for path in paths:
        counts = RowCounts(path)
        all_counts.append(counts)
        _read_notes(path, admissions, window, counts, left_out, texts)
    examples = []
    for hadm_id, admission in admissions.items():
        if not admission.notes:
            left_out["admissions without a note in the window"] += 1
            continue
        places = [place for _, _, place in sorted(admission.notes)]
        who = {"group": admission.subject_id, "line": admission.line}
        examples.append(StoredExample(hadm_id, texts, places, "\n", admission.died, **who))
    if not examples:
        raise ValueError(
            f"{admissions_path}: expected admissions with notes in their first {settings.hours} "
            "hours, received none. Check that both tables are of the same release."
        )
    fractions = parse_fractions(settings.do_split or _FRACTIONS)
    notices = [f"{count:,} {what} left out" for what, count in sorted(left_out.items())]
    splits = {}
    for name, places in split_examples(examples, fractions, settings.split_seed).items():
        splits[name] = Split(name, admissions_path, [examples[place] for place in places])
    splits["train"].counts = all_counts
    splits["train"].notices = notices
    return splits


def _read_admissions(path, window, counts, left_out) -> dict[str, _Admission]:
    admissions: dict[str, _Admission] = {}
    wanted = ("subject_id", "hadm_id", "admittime", "dischtime", "deathtime", "admission_type",
              "hospital_expire_flag")  # fmt: skip
    for line, cells in _lower_case_rows(path, wanted, counts):
        if cells["admission_type"].upper() == "NEWBORN":
            left_out["admissions of newborns"] += 1
            continue
        died = cells["hospital_expire_flag"].strip().removesuffix(".0")
        if died not in ("0", "1"):
            raise TableError(
                f"{path}, line {line}: expected 0 or 1 in HOSPITAL_EXPIRE_FLAG, received another "
                "value. Export the table again."
            )
        names = ("admittime", "dischtime", *(("deathtime",) if cells["deathtime"] else ()))
        times = [_time(cells[name]) for name in names]
        if None in times:
            left_out["admissions with an unreadable time"] += 1
            continue
        start, end = times[0], min(times[1:])
        if end <= start + window:
            left_out["admissions that end within the window"] += 1
            continue
        hadm_id, subject_id = (known_id(cells[name]) for name in ("hadm_id", "subject_id"))
        if hadm_id is None or subject_id is None:
            left_out["admissions without an id of admission or patient"] += 1
            continue
        if hadm_id in admissions:
            left_out["further rows of an admission"] += 1
            continue
        admissions[hadm_id] = _Admission(subject_id, start, end, died, line)
    return admissions


def _read_notes(path, admissions, window, counts, left_out, texts: TextStore) -> None:
    wanted = ("subject_id", "hadm_id", "text")
    for line, cells in _lower_case_rows(path, wanted, counts):
        admission = admissions.get(known_id(cells["hadm_id"]))
        error = flag_of(cells.get("iserror"))
        if admission is None:
            left_out["notes of other or no admissions"] += 1
        elif known_id(cells["subject_id"]) != admission.subject_id:
            left_out["notes of another patient than their admission's"] += 1
        elif error is not False:
            left_out["notes marked as errors" if error else "notes with unreadable ISERROR"] += 1
        elif _is_summary(cells):
            left_out["discharge summaries"] += 1
        else:
            written = _written(cells)
            if written is None or not _in_window(written, admission, window):
                left_out["notes outside the window"] += 1
            else:
                admission.notes.append((written[1], line, texts.add(cells["text"])))


def _is_summary(cells: dict[str, str]) -> bool:
    # A report on a summary, or an addendum under another category, says it in its description.
    kind = f"{cells.get('category', '')} {cells.get('description', '')}".casefold()
    return "discharge summary" in kind or cells.get("note_type", "") in _SUMMARY_TYPES


def _written(cells) -> tuple[datetime.datetime, datetime.datetime] | None:
    """The first and last moment at which a note may have been written; None if nothing says it."""
    times = [_time(cells[name]) for name in ("charttime", "storetime") if cells.get(name)]
    if times:
        return None if None in times else (min(times), max(times))
    day = _time(cells.get("chartdate") or "")
    if day is None:
        return None
    day = day.replace(hour=0, minute=0, second=0)
    return day, day + datetime.timedelta(days=1)


def _in_window(written, admission: _Admission, window: datetime.timedelta) -> bool:
    first, last = written
    return admission.start <= first and last <= admission.start + window


def _lower_case_rows(path: str, wanted: tuple[str, ...], counts: RowCounts):
    for row in read_rows(path, _CSV, None, counts):
        row.cells.update({name.lower(): cell for name, cell in row.cells.items()})
        require_columns(path, row, wanted)
        yield row.line, row.cells


def _time(text: str) -> datetime.datetime | None:
    """A time such as 2150-01-31 08:30:00; None for anything else."""
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
