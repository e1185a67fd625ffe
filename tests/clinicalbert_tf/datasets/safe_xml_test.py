import pytest

from clinicalbert_tf.datasets.safe_xml import parse_xml

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY b "secret"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<a>&c;</a>"""
EXTERNAL = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
REMOTE = b'<!DOCTYPE a SYSTEM "http://127.0.0.1/none.dtd"><a/>'


@pytest.mark.parametrize("data", [BOMB, EXTERNAL, REMOTE])
def test_declarations_are_refused(data):
    with pytest.raises(ValueError, match=r"f\.xml: expected XML without a document type"):
        parse_xml("f.xml", data)


def test_what_does_not_parse_names_its_place_and_no_text():
    with pytest.raises(ValueError, match="line 2, column") as caught:
        parse_xml("f.xml", b"<a>\n<secret></a>")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_bare_ampersands_outside_cdata_are_read_as_characters():
    root, repaired = parse_xml("f.xml", b'<a t="D & C &amp; E"><![CDATA[F & G &amp; H]]></a>')
    assert root.get("t") == "D & C & E" and repaired == 1
    assert root.text == "F & G &amp; H"


def test_byte_order_mark_and_declared_encoding():
    root, _ = parse_xml(
        "f.xml", b"\xef\xbb\xbf" + '<?xml version="1.0" encoding="UTF-8" ?>\r\n<a>é</a>'.encode()
    )
    assert root.text == "é"


def test_other_bytes_than_utf_8_are_named():
    with pytest.raises(ValueError, match="at byte 4"):
        parse_xml("f.xml", b"<a>\xe9</a>")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
