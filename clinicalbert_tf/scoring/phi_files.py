"""Folders of i2b2 2014 XML, gold and a system's, as documents for `metrics.phi`."""

import os
import re
from collections.abc import Sequence
from xml.parsers import expat

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
    reader = _Reader(path)
    with open(path, "rb") as file:
        try:
            reader.parser.ParseFile(file)
        except expat.ExpatError as error:
            raise ValueError(
                f"{path}: expected XML, it does not parse at line {error.lineno}, column "
                f"{error.offset} ({expat.ErrorString(error.code)})."
            ) from None
    if reader.text is None:
        raise ValueError(f"{path}: expected an element TEXT, received none.")
    text = "".join(reader.text)
    return text, tuple(_span(path, tag, text) for tag in reader.tags)


class _Reader:
    """Collects TEXT and the children of TAGS; refuses entities, which can grow without bound."""

    def __init__(self, path: str):
        self.path = path
        self.text: list[str] | None = None
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._open: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = lambda name: self._open.pop()
        self.parser.CharacterDataHandler = self._characters

    def _refuse(self, *_):
        raise ValueError(
            f"{self.path}: expected XML without a document type, received one. Entities are not "
            "expanded: remove the DOCTYPE."
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._open[-1:] == ["TAGS"] and name in ELEMENTS:
            self.tags.append((name, attributes))
        if name == "TEXT" and self.text is None:
            self.text = []
        self._open.append(name)

    def _characters(self, data: str) -> None:
        if self._open[-1] == "TEXT":
            self.text.append(data)


def _span(path: str, tag: tuple[str, dict[str, str]], text: str) -> Phi:
    element, attributes = tag
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
