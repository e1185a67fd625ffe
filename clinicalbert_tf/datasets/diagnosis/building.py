"""Builds the data set: discharge summaries with the codes of their own admission."""

import collections
import dataclasses
import json
import os
from collections.abc import Callable, Iterable

import numpy as np

from clinicalbert_tf.datasets.diagnosis import codes as icd
from clinicalbert_tf.datasets.readmission import labels, splits, tables
from clinicalbert_tf.datasets.readmission.building import (
    EXCLUDED_SUBJECTS,
    MakeTokenizer,
    chunk_function,
    spill_notes,
)
from clinicalbert_tf.datasets.readmission.files import JsonLines
from clinicalbert_tf.datasets.readmission.labels import Cohort
from clinicalbert_tf.datasets.readmission.settings import SPLIT_NAMES, ReadmissionSettings
from clinicalbert_tf.datasets.readmission.spill import NoteSpill
from clinicalbert_tf.datasets.readmission.texts import AdmissionTexts, in_reading_order
from tfrecords_builder.files import make_private_folder, write_private

FOLDER = "diagnosis"
CODES = "codes.txt"
ACCOUNTING = "accounting.json"
# Reasons for which an admission cannot be used; what else readmission leaves out does not matter.
_UNUSABLE = (
    labels.DUPLICATE,
    labels.UNREADABLE_ADMITTIME,
    labels.DISCHARGE_BEFORE_ADMISSION,
)
NO_SUMMARY_TIME = "unreadable_dischtime"


@dataclasses.dataclass(frozen=True)
class CodeSettings:
    """Which codes are predicted.

    Attributes:
        diagnoses: DIAGNOSES_ICD.csv, gzipped or not.
        num_codes: the most frequent ones among training admissions.
        code_list: a file of codes instead, or None.
    """

    diagnoses: str
    num_codes: int = 50
    code_list: str | None = None

    def __post_init__(self):
        if self.num_codes < 1:
            raise ValueError(f"Expected num_codes of at least 1, received {self.num_codes}.")


def build(
    settings: ReadmissionSettings,
    code_settings: CodeSettings,
    make_tokenizer: MakeTokenizer,
    lower_case: bool = True,
    watch: Callable[[Iterable], Iterable] = iter,
) -> dict:
    """Builds the data set in OUTPUT_DIR/diagnosis.

    Args:
        settings: tables, cleaning, chunks and split; see the readmission data set.
        code_settings: which codes.
        make_tokenizer, lower_case, watch: see the readmission data set.

    Returns:
        What accounting.json says.

    Raises:
        FileNotFoundError, TableError: a table is missing or damaged.
        ValueError: the tables hold no code to predict.
    """
    folder = make_private_folder(os.path.join(settings.output_dir, FOLDER))
    cohort = usable_admissions(labels.label_admissions(tables.read_admissions(settings), settings))
    counts = icd.CodeCounts()
    subjects = dict(zip(cohort.table["HADM_ID"], cohort.table["SUBJECT_ID"], strict=True))
    codes = icd.read_codes(code_settings.diagnoses, subjects, counts)
    sides = _sides(cohort, settings)
    chosen = _chosen_codes(code_settings, codes, sides["train"], cohort)
    with NoteSpill(folder) as spill:
        note_counts = spill_notes(cohort, settings, spill, watch)
        texts = AdmissionTexts(cohort, spill, settings, lower_case)
        training = (text for _, text in texts.texts("discharge", sides["train"]))
        chunk = chunk_function(settings, training, make_tokenizer)
        described, fates = {}, collections.Counter()
        for side in SPLIT_NAMES:
            found = texts.texts("discharge", sides[side], fates)
            described[side] = _write(folder, side, found, chunk, cohort, codes, chosen)
    held_out = sorted(
        {cohort.table["SUBJECT_ID"].iat[r] for s in ("dev", "test") for r in sides[s]}
    )
    write_private(os.path.join(folder, EXCLUDED_SUBJECTS), "".join(f"{s}\n" for s in held_out))
    write_private(os.path.join(folder, CODES), "".join(f"{code}\n" for code in chosen))
    accounting = {
        "settings": dataclasses.asdict(settings) | dataclasses.asdict(code_settings),
        "admissions": cohort.counts,
        "admissions_by_fate": dict(sorted(fates.items())),
        "codes": dataclasses.asdict(counts) | {"predicted": len(chosen)},
        "notes": note_counts,
        "sets": {FOLDER: described},
    }
    write_private(os.path.join(folder, ACCOUNTING), json.dumps(accounting, indent=1) + "\n")
    return accounting


def usable_admissions(cohort: Cohort) -> Cohort:
    """The same admissions, kept whenever their summary can be placed: deaths and newborns too."""
    table = cohort.table.copy()
    reasons = [reason if reason in _UNUSABLE else "" for reason in table["REASON"]]
    unknown_end = table["END"].isna().to_numpy()
    reasons = [
        r or (NO_SUMMARY_TIME if e else "") for r, e in zip(reasons, unknown_end, strict=True)
    ]
    table["REASON"], table["KEPT"] = reasons, [not reason for reason in reasons]
    kept = np.flatnonzero(table["KEPT"]).tolist()
    left_out = collections.Counter(filter(None, reasons))
    counts = {"read": len(table), "kept": len(kept), "left_out": dict(sorted(left_out.items()))}
    return Cohort(table, {table["HADM_ID"].iat[row]: row for row in kept}, counts)


def _sides(cohort: Cohort, settings: ReadmissionSettings) -> dict[str, list[int]]:
    kept = cohort.table[cohort.table["KEPT"]]
    patients = [(subject, False) for subject in dict.fromkeys(kept["SUBJECT_ID"])]
    fractions = settings.dev_fraction, settings.test_fraction
    side_of = splits.split_patients(patients, *fractions, settings.seed)
    rows: dict[str, list[int]] = {name: [] for name in SPLIT_NAMES}
    for row, subject in kept["SUBJECT_ID"].items():
        rows[side_of[subject]].append(row)
    return {name: in_reading_order(cohort, rows[name]) for name in SPLIT_NAMES}


def _chosen_codes(code_settings, codes, training_rows, cohort: Cohort) -> list[str]:
    if code_settings.code_list is not None:
        return icd.read_list(code_settings.code_list)
    ids = cohort.table["HADM_ID"].to_numpy()
    # Counted on training patients alone: the choice is part of the training.
    chosen = icd.most_frequent(
        (codes.get(ids[row], ()) for row in training_rows), code_settings.num_codes
    )
    if not chosen:
        raise ValueError(
            f"Expected codes of training admissions in {code_settings.diagnoses}, received none. "
            "Check that its HADM_IDs are those of ADMISSIONS."
        )
    return chosen


def _write(folder, side, texts, chunk, cohort: Cohort, codes, chosen: list[str]) -> dict:
    ids, subjects = (cohort.table[name].to_numpy() for name in ("HADM_ID", "SUBJECT_ID"))
    wanted = set(chosen)
    with JsonLines(os.path.join(folder, f"{side}.jsonl")) as file:
        for row, text in texts:
            of_admission = [code for code in codes.get(ids[row], ()) if code in wanted]
            for number, piece in enumerate(chunk(text)):
                file.write(
                    {
                        "id": ids[row],
                        "subject_id": subjects[row],
                        "chunk": number,
                        "labels": of_admission,
                        "text": piece,
                    }
                )
    return file.summary()
