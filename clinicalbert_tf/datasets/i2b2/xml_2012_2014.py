"""i2b2 2012 (events) and 2014 (de-identification): one XML file per note."""

import re

from clinicalbert_tf.datasets.documents import Account, Document
from clinicalbert_tf.datasets.i2b2_xml import read_i2b2_xml
from clinicalbert_tf.datasets.release_files import ReleaseFile

_PATIENT_2014 = re.compile(r"(\d{3})-\d+")
# In 2012's last release a folder of merged annotations stands beside the ones they come from.
_UNMERGED = "unmerged"


def split_files(
    files: list[ReleaseFile], account: Account
) -> tuple[list[ReleaseFile], list[ReleaseFile]]:
    """The training and the test files of a release of 2012 or 2014.

    Test files stand in a folder whose name begins with or holds "test" or "groundtruth", in either
    archive layout (with or without a folder of the archive's name around).
    """
    train, test = [], []
    for file in files:
        if not file.name.lower().endswith(".xml"):
            continue
        if file.below(_UNMERGED):
            account.skipped["annotations before they were merged"] += 1
            continue
        (test if file.below("test", "groundtruth", "ground_truth") else train).append(file)
    return _once(train, account), _once(test, account)


def _once(files: list[ReleaseFile], account: Account) -> list[ReleaseFile]:
    """Each note once: releases overlap (2012's test set came out twice)."""
    by_name: dict[str, ReleaseFile] = {}
    for file in files:
        if file.name in by_name:
            account.skipped["note that is there twice"] += 1
        by_name.setdefault(file.name, file)
    return list(by_name.values())


def read_2012(file: ReleaseFile, account: Account) -> Document:
    """Reads a note of 2012 with its events; the file's name is the patient's number."""
    return read_i2b2_xml(file.path, file.read(), file.stem, account, file.stem, ("EVENT",))


def read_2014(file: ReleaseFile, account: Account) -> Document:
    """Reads a note of 2014, XXX-YY.xml of patient XXX, with its PHI."""
    match = _PATIENT_2014.match(file.stem)
    patient = match.group(1) if match else file.stem
    return read_i2b2_xml(file.path, file.read(), file.stem, account, patient)
