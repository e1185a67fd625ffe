"""Folders of i2b2 2014 XML, gold and a system's, as documents for `metrics.phi`."""

import os
import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from clinicalbert_tf.datasets.safe_xml import parse_xml
from clinicalbert_tf.metrics.phi import Document, Phi

# XXX-YY.xml: patient and record; a system's name may follow (110-01run1.xml).
_NAME = re.compile(r"(\d+)-(\d+)(.*)\.xml", re.DOTALL)
ELEMENTS = frozenset(
    ("PHI", "NAME", "PROFESSION", "LOCATION", "AGE", "DATE", "CONTACT", "ID", "OTHER")
)


def read_documents(gold: str, system: str) -> tuple[dict[str, Document], list[str]]:
    """Reads two folders (or two files) of i2b2 2014 XML.

    Args:
        gold, system: folders with one XXX-YY.xml per document; other files are ignored.

    Returns:
        (document id -> document in order of id, ids that only the system has). A gold document
        without a system file has `system` None.

    Raises:
        ValueError: no gold documents, two files of one document, XML that does not parse or
            declares entities, an offset that is no number or lies outside the text, or texts that
            differ.
    """
    gold_files, system_files = _files(gold, "gold"), _files(system, "system")
    documents = {}
    for name, path in gold_files.items():
        text, spans = read_phi_xml(path)
        found = None
        if name in system_files:
            system_text, found = read_phi_xml(system_files[name])
            if system_text != text:
                raise ValueError(
                    f"Expected the text of {path} in {system_files[name]}, received another one "
                    f"({len(text)} and {len(system_text)} characters). Offsets would not agree."
                )
        documents[name] = Document(text, spans, found)
    return documents, sorted(system_files.keys() - gold_files.keys())


def read_phi_xml(path: str) -> tuple[str, tuple[Phi, ...]]:
    """Reads the text and the spans of one i2b2 2014 file.

    Offsets count characters of the parsed text, its first line break included.

    Returns:
        (text, spans in the order of the file).

    Raises:
        ValueError: as in `read_documents`; the message names file and tag id, never text.
    """
    with open(path, "rb") as file:
        root, _ = parse_xml(path, file.read())
    element = root.find("TEXT")
    if element is None:
        raise ValueError(f"{path}: expected an element TEXT, received none.")
    text = "".join(element.itertext())
    tags = [tag for container in root.findall("TAGS") for tag in container if tag.tag in ELEMENTS]
    return text, tuple(_span(path, tag, text) for tag in tags)


def _span(path: str, tag: Element, text: str) -> Phi:
    element, attributes = tag.tag, tag.attrib
    where = f"{path}, tag {attributes.get('id', element)}"
    try:
        start, end = int(attributes["start"]), int(attributes["end"])
    except (KeyError, ValueError):
        raise ValueError(f"{where}: expected whole numbers as start and end.") from None
    if not 0 <= start <= end <= len(text):
        raise ValueError(
            f"{where}: expected offsets within the text's {len(text)} characters, received start "
            f"{start} and end {end}."
        )
    return Phi(element, attributes.get("TYPE", element), start, end)


def _files(path: str, side: str) -> dict[str, str]:
    if os.path.isdir(path):
        names: Sequence[str] = sorted(
            # Files of macOS archives (._110-01.xml) hold no XML.
            n
            for n in os.listdir(path)
            if n.endswith(".xml") and not n.startswith(".")
        )
        paths = [os.path.join(path, name) for name in names]
    elif os.path.exists(path):
        paths = [path]
    else:
        raise FileNotFoundError(f"Expected a folder of XML for --{side}, found nothing at {path}.")
    if side == "gold" and not paths:
        raise ValueError(f"Expected XML files in the --gold folder {path}, found none.")
    result: dict[str, str] = {}
    for file in paths:
        name = os.path.basename(file)
        match = _NAME.fullmatch(name)
        key = f"{match[1]}-{match[2]}" if match else name.removesuffix(".xml")
        if key in result:
            raise ValueError(
                f"Expected one file of document {key} in {path}, received "
                f"{os.path.basename(result[key])} and {name}."
            )
        result[key] = file
    return result
