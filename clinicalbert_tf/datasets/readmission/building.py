"""Builds the data set: labels, notes, texts, split, files, accounting."""

import collections
import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import pandas as pd

from clinicalbert_tf.datasets.readmission import huang2019, labels, selection, splits, tables
from clinicalbert_tf.datasets.readmission.files import JsonLines, write_csv
from clinicalbert_tf.datasets.readmission.labels import Cohort
from clinicalbert_tf.datasets.readmission.settings import (
    EARLY_DAYS,
    HUANG2019,
    SETS,
    SPLIT_NAMES,
    WORDS318,
    ReadmissionSettings,
)
from clinicalbert_tf.datasets.readmission.spill import NoteSpill
from clinicalbert_tf.datasets.readmission.texts import AdmissionTexts, in_reading_order
from clinicalbert_tf.texts.word_chunks import WordChunker
from tfrecords_builder.files import make_private_folder, write_private
from tfrecords_builder.tokenization import BertTokenizer

ACCOUNTING = "accounting.json"
ADMISSIONS = "admissions.csv"
EXCLUDED_SUBJECTS = "excluded_subjects.txt"
NO_EARLY_NOTES = (
    "MIMIC-IV-Note holds discharge summaries and radiology reports only: no nursing and no "
    "physician notes, which early prediction reads. Name --early_categories=Radiology and give "
    "radiology.csv with --notes to predict from radiology reports alone."
)
# (lower_case, texts of training patients) -> the tokenizer that chunks are counted with.
MakeTokenizer = Callable[[Iterable[str]], BertTokenizer]
_Rows = Iterator[dict]


def build(
    settings: ReadmissionSettings,
    make_tokenizer: MakeTokenizer,
    lower_case: bool = True,
    watch: Callable[[Iterable], Iterable] = iter,
) -> dict:
    """Builds the data set.

    Args:
        settings: what to build.
        make_tokenizer: called with texts of training patients; used if chunks are of wordpieces.
        lower_case: whether corrected cleaning lower-cases.
        watch: wraps the stream of notes, for progress.

    Returns:
        What accounting.json says.

    Raises:
        FileNotFoundError, TableError: a table is missing or damaged.
        ValueError: the tables do not allow what the settings ask for.
    """
    sets, refusal = available_sets(settings)
    folder = make_private_folder(settings.output_dir)
    _remove_old_files(folder)
    frame = tables.read_admissions(settings)
    rules = huang2019 if settings.split == HUANG2019 else labels
    cohort = rules.label_admissions(frame, settings)
    with NoteSpill(folder) as spill:
        note_counts = spill_notes(cohort, settings, spill, watch)
        texts = AdmissionTexts(cohort, spill, settings, lower_case)
        division = _divide(cohort, settings)
        training = (
            text for name in sets for _, text in texts.texts(name, division.sides[name]["train"])
        )
        chunk = chunk_function(settings, training, make_tokenizer)
        written = {name: _write_set(folder, name, texts, division, chunk, cohort) for name in sets}
        with_notes = spill.admissions()
    kept = {int(row) for row in cohort.table.index[cohort.table["KEPT"]]}
    _write_admissions(folder, cohort)
    excluded = division.held_out(cohort)
    write_private(os.path.join(folder, EXCLUDED_SUBJECTS), "".join(f"{s}\n" for s in excluded))
    accounting = {
        "settings": dataclasses.asdict(settings) | {"lower_case": lower_case, "sets": list(sets)},
        "admissions": cohort.counts | {"kept_without_notes": len(kept - with_notes)},
        "notes": note_counts,
        "sets": written,
        "excluded_subjects": len(excluded),
        **({"early_refused": refusal} if refusal else {}),
    }
    write_private(os.path.join(folder, ACCOUNTING), json.dumps(accounting, indent=1) + "\n")
    return accounting


def available_sets(settings: ReadmissionSettings) -> tuple[tuple[str, ...], str | None]:
    """The sets to build, and why the early ones are not among them.

    Raises:
        ValueError: an early set is asked for and the notes do not allow it; says why.
    """
    columns = [selection.NoteColumns(path, tables.read_rows(path)[0]) for path in settings.notes]
    is_mimic_iv = any(found.is_mimic_iv for found in columns)
    if is_mimic_iv and settings.split == HUANG2019:
        raise ValueError(
            "Expected MIMIC-III's NOTEEVENTS for --split=huang2019, received MIMIC-IV-Note. Use "
            "--split=patient."
        )
    if not is_mimic_iv or settings.early_categories:
        return settings.chosen_sets, None
    if settings.sets is not None and set(settings.sets) & set(EARLY_DAYS):
        raise ValueError(f"Expected --sets=discharge for MIMIC-IV. {NO_EARLY_NOTES}")
    return ("discharge",), NO_EARLY_NOTES


def _remove_old_files(folder: str) -> None:
    """Removes what an earlier build wrote: a set that is not built now must not stay beside it."""
    names = [ACCOUNTING, ADMISSIONS, EXCLUDED_SUBJECTS]
    names += [os.path.join(name, f"{side}.jsonl") for name in SETS for side in SPLIT_NAMES]
    for name in names:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            os.unlink(path)


def spill_notes(
    cohort: Cohort,
    settings: ReadmissionSettings,
    spill: NoteSpill,
    watch: Callable[[Iterable], Iterable] = iter,
) -> dict:
    """Streams the notes once and keeps those that belong to a kept admission.

    Returns:
        How many were read, and how many of them became what.
    """
    if settings.split == HUANG2019:
        selector = huang2019.Selector(cohort)
    else:
        selector = selection.Selector(cohort, settings)
    read = 0
    for path in settings.notes:
        header, rows = tables.read_rows(path)
        columns = selection.NoteColumns(path, header)
        for fields in watch(rows):
            read += 1
            choice = selector.choose(fields, columns)
            if choice is not None:
                spill.add(choice, fields[columns.text])
    spill.finish()
    return {"read": read, "by_fate": dict(sorted(selector.counts.items()))}


@dataclasses.dataclass(frozen=True)
class _Division:
    """Which rows are on which side, by set, and whether the training rows are shuffled."""

    sides: dict[str, dict[str, list[int]]]
    shuffled: tuple[str, ...] = ()
    more_negatives: dict[str, int] = dataclasses.field(default_factory=dict)
    held_out_subjects: tuple[str, ...] | None = None

    def held_out(self, cohort: Cohort) -> list[str]:
        """The patients that no training may see: of the dev and test rows of any set."""
        if self.held_out_subjects is not None:
            return list(self.held_out_subjects)
        rows = {r for sides in self.sides.values() for s in ("dev", "test") for r in sides[s]}
        return sorted({cohort.table["SUBJECT_ID"].iat[row] for row in rows})


def _divide(cohort: Cohort, settings: ReadmissionSettings) -> _Division:
    if settings.split == HUANG2019:
        return _divide_as_reference(cohort)
    kept = cohort.table[cohort.table["KEPT"]]
    positive = (kept["LABEL"] == 1).groupby(kept["SUBJECT_ID"]).any()
    side_of = splits.split_patients(
        positive.items(), settings.dev_fraction, settings.test_fraction, settings.seed
    )
    rows: dict[str, list[int]] = {name: [] for name in SPLIT_NAMES}
    for row, subject in kept["SUBJECT_ID"].items():
        rows[side_of[subject]].append(row)
    ordered = {name: in_reading_order(cohort, rows[name]) for name in SPLIT_NAMES}
    return _Division(
        {name: ordered for name in SETS}, held_out_subjects=tuple(splits.held_out(side_of))
    )


def _divide_as_reference(cohort: Cohort) -> _Division:
    split = huang2019.split(cohort)
    table = cohort.table
    days = (table["END"] - table["START"]).dt.total_seconds() / 86400
    sides, more = {}, {}
    for name in SETS:
        added = split.more(name)
        more[name] = len(added)
        keys = (
            ["NUMERIC_SUBJECT", "NUMERIC_ADMISSION"]
            if name == "discharge"
            else ["NUMERIC_ADMISSION"]
        )

        def ordered(rows, keys=keys):
            return table.loc[rows].sort_values(keys, kind="stable").index.tolist()

        test = split.test
        if name in EARLY_DAYS:
            test = [row for row in test if days[row] >= EARLY_DAYS[name]]
        train, dev = [*ordered(added), *ordered(split.train)], ordered(split.dev)
        if name == "early_2":
            # The reference trains on three days and tests on both.
            train = dev = []
        sides[name] = {"train": train, "dev": dev, "test": ordered(test)}
    return _Division(sides, shuffled=("train",), more_negatives=more)


def chunk_function(
    settings: ReadmissionSettings, training: Iterable[str], make_tokenizer: MakeTokenizer
) -> Callable[[str], list[str]]:
    """What cuts a text into chunks.

    Args:
        settings: how.
        training: texts of training patients, for a vocabulary to learn.
        make_tokenizer: called with them if chunks are of wordpieces.
    """
    if settings.chunks == WORDS318:
        return huang2019.words318
    size = settings.max_seq_length - 2
    stride = settings.stride or max(1, 3 * size // 4)
    return WordChunker(make_tokenizer(training), settings.max_seq_length, stride).chunks


def _write_set(folder, name, texts, division, chunk, cohort) -> dict:
    subfolder = make_private_folder(os.path.join(folder, name))
    described, fates = {}, collections.Counter()
    for side in SPLIT_NAMES:
        found = texts.texts(name, division.sides[name][side], fates)
        rows = _chunk_rows(found, chunk, cohort.table)
        if side in division.shuffled:
            held = list(rows)
            rows = (held[place] for place in huang2019.shuffled(len(held)))
        with JsonLines(os.path.join(subfolder, f"{side}.jsonl")) as file:
            for row in rows:
                file.write(row)
        described[side] = file.summary()
    described["admissions"] = dict(sorted(fates.items()))
    if division.shuffled:
        described["more_negatives"] = division.more_negatives[name]
    return described


def _chunk_rows(texts: Iterable[tuple[int, str]], chunk, table: pd.DataFrame) -> _Rows:
    subjects, admissions, labels_of = (
        table[name].to_numpy() for name in ("SUBJECT_ID", "HADM_ID", "LABEL")
    )
    for row, text in texts:
        for number, piece in enumerate(chunk(text)):
            yield {
                "id": admissions[row],
                "subject_id": subjects[row],
                "chunk": number,
                "label": int(labels_of[row]),
                "text": piece,
            }


def _write_admissions(folder: str, cohort: Cohort) -> None:
    table = cohort.table
    columns: dict[str, Sequence] = {
        "SUBJECT_ID": table["SUBJECT_ID"],
        "HADM_ID": table["HADM_ID"],
        "DAYS_NEXT_UNPLANNED": [
            "" if days != days else repr(float(days)) for days in table["DAYS"]
        ],
        "LABEL": ["" if label < 0 else str(label) for label in table["LABEL"]],
        "KEPT": [str(int(kept)) for kept in table["KEPT"]],
        "REASON": table["REASON"],
    }
    write_csv(os.path.join(folder, ADMISSIONS), columns)
