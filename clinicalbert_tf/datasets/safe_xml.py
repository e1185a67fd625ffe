"""XML from elsewhere, read without what makes XML dangerous.

A document type declaration is what entity expansion ("billion laughs") and external entities
need, and no release of annotated notes has one: a file with a declaration is refused.
"""

import re
import xml.etree.ElementTree as ElementTree
from xml.parsers import expat

from clinicalbert_tf.datasets.release_files import decode

# An ampersand that begins no entity. Some releases have them in attributes ("D & C").
_BARE_AMPERSAND = re.compile(r"&(?!(?:[A-Za-z][\w.-]*|#\d+|#x[0-9A-Fa-f]+);)")
_CDATA = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_ENCODING = re.compile(r"(<\?xml[^>]*?)\s+encoding\s*=\s*(?:\"[^\"]*\"|'[^']*')")


def parse_xml(source: str, data: bytes) -> tuple[ElementTree.Element, int]:
    """Parses an XML file.

    Args:
        source: the file, for messages.
        data: its bytes, UTF-8.

    Returns:
        The root element, and the number of bare ampersands that were read as `&amp;`.

    Raises:
        ValueError: it does not parse (names line and column), or declares a document type or an
            entity.
    """
    text = decode(source, data)
    text = _ENCODING.sub(r"\1", text, count=1)
    parts = _CDATA.split(text)
    repaired = 0
    for place in range(0, len(parts), 2):
        parts[place], count = _BARE_AMPERSAND.subn("&amp;", parts[place])
        repaired += count
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.ordered_attributes = False

    def refuse(*_) -> None:
        raise ValueError(
            f"{source}: expected XML without a document type declaration, received one (its "
            "entities can fill the memory or read other files). Remove the declaration."
        )

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse("".join(parts).encode("utf-8"), True)
    except expat.ExpatError as error:
        reason = f"{expat.errors.messages[error.code]}, line {error.lineno}, column {error.offset}"
    else:
        return builder.close(), repaired
    # Out here, so that no piece of the file hangs on the exception.
    raise ValueError(
        f"{source}: expected well-formed XML, received something else ({reason}). Repair the file, "
        "or unpack the release again."
    )
