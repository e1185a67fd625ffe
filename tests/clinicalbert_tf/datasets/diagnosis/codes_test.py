"""Codes of the admission itself, ICD-9 and ICD-10 kept apart."""

import pytest

from clinicalbert_tf.datasets.diagnosis.codes import (
    CodeCounts,
    most_frequent,
    read_codes,
    read_list,
)
from clinicalbert_tf.datasets.table_files import TableError

SUBJECTS = {"7": "1", "8": "1", "9": "2"}


def read(path, text):
    path.write_text(text)
    counts = CodeCounts()
    return read_codes(str(path), SUBJECTS, counts), counts


def test_mimic_iii_codes_keep_leading_zeros_and_order(tmp_path):
    codes, counts = read(
        tmp_path / "D.csv",
        "ROW_ID,SUBJECT_ID,HADM_ID,SEQ_NUM,ICD9_CODE\n1,1,7,1,0389\n2,1,7,2,4019\n3,1,7,3,0389\n"
        "4,2,9,1,V1582\n5,1,8,,\n6,5,99,1,4019\n",
    )
    assert codes == {"7": ("ICD9:0389", "ICD9:4019"), "9": ("ICD9:V1582",)}
    assert (counts.read, counts.used, counts.repeated) == (6, 3, 1)
    assert (counts.without_code, counts.of_unknown_admission) == (1, 1)


def test_same_letters_of_two_versions_are_two_codes(tmp_path):
    codes, _ = read(
        tmp_path / "d.csv",
        "subject_id,hadm_id,seq_num,icd_code,icd_version\n1,7,1,E880,9\n1,8,1,E880,10\n",
    )
    assert codes == {"7": ("ICD9:E880",), "8": ("ICD10:E880",)}
    with pytest.raises(TableError, match="row 1: expected the ICD version"):
        read(tmp_path / "d.csv", "subject_id,hadm_id,icd_code,icd_version\n1,7,E880,11\n")


def test_planted_codes_of_another_patient_are_refused(tmp_path):
    codes, counts = read(
        tmp_path / "D.csv", "SUBJECT_ID,HADM_ID,ICD9_CODE\n2,7,4019\n1,7,486\n1,9,486\n"
    )
    assert codes == {"7": ("ICD9:486",)}
    assert counts.of_another_patient == 2


def test_most_frequent_counts_admissions_and_breaks_ties_by_name():
    assert most_frequent([("b", "a"), ("b",), ("c", "a"), ("d",)], 3) == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["", "4019\n", "ICD9:4019\nICD9:4019\n"])
def test_unfit_lists_are_refused(tmp_path, text):
    path = tmp_path / "codes.txt"
    path.write_text("ICD9:4019\n\nICD10:I10\n")
    assert read_list(str(path)) == ["ICD9:4019", "ICD10:I10"]
    path.write_text(text)
    with pytest.raises(ValueError, match=r"codes\.txt"):
        read_list(str(path))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
