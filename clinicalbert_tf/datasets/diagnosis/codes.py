"""The ICD codes of admissions, and the ones that are predicted."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping

from clinicalbert_tf.datasets.readmission import tables

ICD9, ICD10 = "ICD9", "ICD10"


@dataclasses.dataclass
class CodeCounts:
    """What became of the rows of DIAGNOSES_ICD.

    Attributes:
        read: rows.
        used: (admission, code) pairs kept.
        repeated: the same code again for an admission.
        without_code: rows whose code is empty, as a few in MIMIC-III are.
        of_unknown_admission: rows of an admission that is not in ADMISSIONS, or of none.
        of_another_patient: rows whose patient is not the admission's; refused, as the code may be
            that of another stay.
    """

    read: int = 0
    used: int = 0
    repeated: int = 0
    without_code: int = 0
    of_unknown_admission: int = 0
    of_another_patient: int = 0


def read_codes(
    path: str, subjects: Mapping[str, str], counts: CodeCounts
) -> dict[str, tuple[str, ...]]:
    """Reads the codes of each admission: its own alone, never those of other stays.

    Args:
        path: DIAGNOSES_ICD.csv of MIMIC-III (ICD9_CODE), or diagnoses_icd.csv of MIMIC-IV
            (icd_code, icd_version).
        subjects: {HADM_ID: SUBJECT_ID} of the admissions.
        counts: filled in.

    Returns:
        {HADM_ID: its codes, in the table's order}, as "ICD9:4019" and "ICD10:I10": the same letters
        mean different things in the two.

    Raises:
        FileNotFoundError, TableError: the table is missing or damaged, or says another version.
    """
    header, rows = tables.read_rows(path)
    of_mimic_iv = "ICD9_CODE" not in header
    names = ("ICD_CODE", "ICD_VERSION") if of_mimic_iv else ("ICD9_CODE",)
    tables.check_columns(path, header, ("SUBJECT_ID", "HADM_ID", *names))
    places = [header.index(name) for name in ("SUBJECT_ID", "HADM_ID", *names)]
    found: dict[str, dict[str, None]] = collections.defaultdict(dict)
    for number, fields in enumerate(rows, start=1):
        subject, admission, code, *version = (fields[place].strip() for place in places)
        counts.read += 1
        admission = tables.normal_id(admission)
        if admission not in subjects:
            counts.of_unknown_admission += 1
        elif tables.normal_id(subject) != subjects[admission]:
            counts.of_another_patient += 1
        elif not code:
            counts.without_code += 1
        else:
            name = f"{_system(path, number, *version)}:{code}"
            counts.repeated += name in found[admission]
            found[admission][name] = None
    counts.used = sum(map(len, found.values()))
    return {admission: tuple(codes) for admission, codes in found.items()}


def _system(path: str, number: int, version: str = "9") -> str:
    if version not in ("9", "10"):
        raise tables.TableError(
            f"{path}, row {number}: expected the ICD version 9 or 10, received another. Correct "
            "the row."
        )
    return ICD9 if version == "9" else ICD10


def most_frequent(codes: Iterable[Iterable[str]], count: int) -> list[str]:
    """The codes of the most admissions, the most frequent first; of equal ones by name."""
    counter = collections.Counter(code for of_one in codes for code in of_one)
    return sorted(counter, key=lambda code: (-counter[code], code))[:count]


def read_list(path: str) -> list[str]:
    """Reads the codes to predict: one per line, as "ICD9:4019" or "ICD10:I10".

    Raises:
        ValueError: a line is no such code, stands twice, or there is none.
    """
    with open(path, encoding="utf-8-sig") as file:
        lines = [line.strip() for line in file]
    listed = [line for line in lines if line]
    for number, line in enumerate(lines, start=1):
        if line and line.partition(":")[0] not in (ICD9, ICD10):
            raise ValueError(
                f"{path}, line {number}: expected a code such as ICD9:4019 or ICD10:I10, received "
                "something else. Write the version and a colon before the code."
            )
    if not listed or len(set(listed)) < len(listed):
        raise ValueError(
            f"{path}: expected different codes, one per line, received {len(listed)} of which "
            f"{len(set(listed))} differ. Correct the list."
        )
    return listed
