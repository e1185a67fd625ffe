"""Patients on one side each, the same every time."""

import collections
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicalbert_tf.datasets.readmission.splits import held_out, split_patients


def test_sides_have_their_fractions_and_the_prevalence():
    patients = [(str(number), number % 5 == 0) for number in range(1000)]
    sides = split_patients(patients, 0.1, 0.2, seed=1)
    counts = collections.Counter((sides[patient], positive) for patient, positive in patients)
    assert counts == {
        ("test", True): 40, ("dev", True): 20, ("train", True): 140,
        ("test", False): 160, ("dev", False): 80, ("train", False): 560,
    }  # fmt: skip


def test_split_depends_on_seed_and_not_on_order():
    patients = [(str(number), False) for number in range(100)]
    sides = split_patients(patients, 0.1, 0.1, seed=1)
    assert split_patients(patients[::-1], 0.1, 0.1, seed=1) == sides
    assert split_patients(patients, 0.1, 0.1, seed=2) != sides
    digest = lambda patient: hashlib.sha256(f"1:{patient}".encode()).hexdigest()
    first = sorted(map(str, range(100)), key=digest)[:10]
    assert {patient for patient, side in sides.items() if side == "test"} == set(first)


@given(st.sets(st.text(min_size=1), max_size=30), st.integers(0, 5))
def test_every_patient_has_a_side(ids, seed):
    sides = split_patients([(i, len(i) > 1) for i in ids], 0.1, 0.1, seed)
    assert sides.keys() == ids
    assert held_out(sides) == sorted(i for i in ids if sides[i] in ("dev", "test"))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
