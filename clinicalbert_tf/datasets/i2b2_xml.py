"""The XML of i2b2 2012 and 2014: a text and tags with offsets into it, in and out."""

import re
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import quoteattr

from clinicalbert_tf.datasets.alignment import Aligner
from clinicalbert_tf.datasets.documents import Account, Document, Span
from clinicalbert_tf.datasets.safe_xml import parse_xml

# The element of each type in the release of 2014; the official scorer reads it.
PHI_CATEGORIES = {
    "PATIENT": "NAME",
    "DOCTOR": "NAME",
    "USERNAME": "NAME",
    "PROFESSION": "PROFESSION",
    "ROOM": "LOCATION",
    "DEPARTMENT": "LOCATION",
    "HOSPITAL": "LOCATION",
    "ORGANIZATION": "LOCATION",
    "STREET": "LOCATION",
    "CITY": "LOCATION",
    "STATE": "LOCATION",
    "COUNTRY": "LOCATION",
    "ZIP": "LOCATION",
    "LOCATION-OTHER": "LOCATION",
    "AGE": "AGE",
    "DATE": "DATE",
    "PHONE": "CONTACT",
    "FAX": "CONTACT",
    "EMAIL": "CONTACT",
    "URL": "CONTACT",
    "IPADDR": "CONTACT",
    "SSN": "ID",
    "MEDICALRECORD": "ID",
    "HEALTHPLAN": "ID",
    "ACCOUNT": "ID",
    "LICENSE": "ID",
    "VEHICLE": "ID",
    "DEVICE": "ID",
    "BIOID": "ID",
    "IDNUM": "ID",
}
_OTHER_CATEGORY = "PHI"
# Types of 2006, which are no types of 2014.
_CATEGORIES_2006 = {"LOCATION": "LOCATION", "ID": "ID"}
# Characters that no XML file can hold, in whatever form.
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_i2b2_xml(
    source: str,
    data: bytes,
    note_id: str,
    account: Account,
    patient_id: str = "",
    elements: tuple[str, ...] | None = None,
) -> Document:
    """Reads one file; every offset is checked against the text.

    Offsets are characters from directly behind the CDATA mark, from 0, end exclusive, line ends
    counted as one character.

    Args:
        source: the file, for messages.
        data: its bytes.
        note_id: the document's identifier.
        account: receives annotations that were moved or dropped.
        patient_id: the patient's identifier.
        elements: names of the tags that are entities, for example ("EVENT",); None for every tag
            with offsets.

    Raises:
        ValueError: the file is not such XML, or an offset lies past its text.
    """
    root, repaired = parse_xml(source, data)
    for _ in range(repaired):
        account.add("repaired", note_id, "bare ampersand")
    texts, containers = root.findall("TEXT"), root.findall("TAGS")
    if len(texts) != 1 or len(containers) != 1:
        raise ValueError(
            f"{source}: expected one TEXT and one TAGS element below the root, received "
            f"{len(texts)} and {len(containers)}. Give the XML files of i2b2 2012 or 2014."
        )
    text = "".join(texts[0].itertext())
    aligner = Aligner(source, note_id, text, account)
    spans = []
    for number, tag in enumerate(containers[0]):
        if elements is None and "start" not in tag.attrib:
            continue
        if elements is None or tag.tag in elements:
            span = _read_tag(source, f"{tag.get('id') or f'{tag.tag} {number}'}", tag, aligner)
            spans += [] if span is None else [span]
    return Document(note_id, text, tuple(spans), patient_id)


def _read_tag(
    source: str, annotation: str, tag: ElementTree.Element, aligner: Aligner
) -> Span | None:
    try:
        start, end = int(tag.attrib["start"]), int(tag.attrib["end"])
    except (KeyError, ValueError):
        raise ValueError(
            f"{source}, {annotation}: expected whole numbers in start and end, received "
            f"{len(tag.attrib)} attributes without them. Repair the tag."
        ) from None
    label = tag.get("TYPE", tag.get("type", ""))
    return aligner.place(annotation, start, end, label, tag.get("text", ""))


def i2b2_xml(document: Document, root: str = "deIdi2b2") -> str:
    """Writes a document as the organisers' XML.

    Characters that XML cannot hold become U+FFFD, so that all offsets stay.

    Args:
        document: its spans lie in its text.
        root: the root element's name.
    """
    text = _NOT_XML.sub("\ufffd", document.text)
    lines = [
        '<?xml version="1.0" encoding="UTF-8" ?>',
        f"<{root}>",
        f"<TEXT>{_cdata(text)}</TEXT>",
        "<TAGS>",
    ]
    for number, span in enumerate(document.spans):
        category = category_of(span.label)
        attributes = {
            "id": span.annotation or f"P{number}",
            "start": str(span.start),
            "end": str(span.end),
            "text": text[span.start : span.end],
            "TYPE": span.label,
            "comment": "",
        }
        written = " ".join(
            f"{name}={quoteattr(_NOT_XML.sub(chr(0xFFFD), value))}"
            for name, value in attributes.items()
        )
        lines.append(f"<{category} {written} />")
    return "\n".join([*lines, "</TAGS>", f"</{root}>", ""])


def category_of(label: str) -> str:
    """The XML element of a type of i2b2 2006 or 2014, as in the release of 2014."""
    return PHI_CATEGORIES.get(label) or _CATEGORIES_2006.get(label, _OTHER_CATEGORY)


def _cdata(text: str) -> str:
    # A carriage return would be read as a line feed unless it is a reference, which CDATA has not.
    text = text.replace("]]>", "]]]]><![CDATA[>").replace("\r", "]]>&#13;<![CDATA[")
    return f"<![CDATA[{text}]]>"
