"""Divides patients into training, dev and test."""

import hashlib
from collections.abc import Iterable

from clinicalbert_tf.datasets.readmission.settings import SPLIT_NAMES


def split_patients(
    patients: Iterable[tuple[str, bool]], dev_fraction: float, test_fraction: float, seed: int
) -> dict[str, str]:
    """Gives each patient one side.

    The order is that of a hash of seed and id, so that it depends on neither the table's order nor
    the platform. Patients with and without a positive admission are divided apart, so that every
    side has about the same prevalence.

    Args:
        patients: (id, whether one of its admissions is positive), each id once.
        dev_fraction, test_fraction: of the patients, rounded, at least one if it is above 0 and
            there are three patients or more.
        seed: of the order.

    Returns:
        {id: one of SPLIT_NAMES}.
    """
    sides: dict[str, str] = {}
    groups: dict[bool, list[str]] = {True: [], False: []}
    for patient, positive in patients:
        groups[positive].append(patient)
    for group in groups.values():
        group.sort(key=lambda patient: hashlib.sha256(f"{seed}:{patient}".encode()).digest())
        test = _share(len(group), test_fraction)
        dev = _share(len(group), dev_fraction)
        names = ["test"] * test + ["dev"] * dev + ["train"] * (len(group) - test - dev)
        sides.update(zip(group, names, strict=True))
    return sides


def held_out(sides: dict[str, str]) -> list[str]:
    """The patients that no training may see, sorted."""
    return sorted(patient for patient, side in sides.items() if side != SPLIT_NAMES[0])


def _share(count: int, fraction: float) -> int:
    if fraction <= 0:
        return 0
    share = round(count * fraction)
    return max(share, 1) if count >= 3 else share
