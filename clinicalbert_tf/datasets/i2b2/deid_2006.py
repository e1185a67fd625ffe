"""i2b2 2006, de-identification: all records in one XML file, PHI marked inside the text."""

import re

from clinicalbert_tf.datasets.documents import Account, Document, Span
from clinicalbert_tf.datasets.release_files import ReleaseFile, decode
from clinicalbert_tf.datasets.safe_xml import parse_xml

# The training file has one tag that is closed by the opening of another.
_OPENED_TWICE = re.compile(r'(<PHI TYPE="[^"]*">[^<]*)<PHI TYPE="[^"]*">(?=[^<]*<(?!/PHI>))')


def split_files(files: list[ReleaseFile]) -> tuple[list[ReleaseFile], list[ReleaseFile]]:
    """The training and the test files of a release.

    The test file without annotations is left out if the one with them is there.
    """
    xml = [file for file in files if file.name.lower().endswith(".xml")]
    test = [file for file in xml if "test" in file.name.lower()]
    annotated = [file for file in test if "groundtruth" in file.name.lower()]
    train = [file for file in xml if file not in test and "train" in file.name.lower()]
    return train, annotated or test


def read_records(file: ReleaseFile, account: Account) -> list[Document]:
    """Reads the records of a file.

    Entities (`&gt;`) become their characters, and a PHI may run over lines.

    Raises:
        ValueError: it is not such XML.
    """
    content, repaired = _OPENED_TWICE.subn(r"\1</PHI>", decode(file.path, file.read()))
    for _ in range(repaired):
        account.add("repaired", file.name, "PHI tag closed by another")
    root, ampersands = parse_xml(file.path, content.encode("utf-8"))
    for _ in range(ampersands):
        account.add("repaired", file.name, "bare ampersand")
    records = root.findall("RECORD")
    if not records:
        raise ValueError(
            f"{file.path}: expected RECORD elements below the root, received {len(root)} others. "
            "Give the files deid_surrogate_*_version2 of i2b2 2006."
        )
    documents = []
    for number, record in enumerate(records):
        note_id = record.get("ID") or f"{file.stem}-{number}"
        pieces: list[str] = []
        spans: list[Span] = []
        length = 0
        for text in record.iter("TEXT"):
            pieces.append(text.text or "")
            length += len(pieces[-1])
            for phi in text:
                inner, name = "".join(phi.itertext()), f"PHI {len(spans)}"
                if not inner.strip():
                    account.add("empty", note_id, name)
                elif not phi.get("TYPE", "").strip():
                    account.add("untyped", note_id, name)
                else:
                    spans.append(Span(length, length + len(inner), phi.get("TYPE"), name))
                pieces += [inner, phi.tail or ""]
                length += len(inner) + len(phi.tail or "")
        documents.append(Document(note_id, "".join(pieces), tuple(spans)))
    return documents
