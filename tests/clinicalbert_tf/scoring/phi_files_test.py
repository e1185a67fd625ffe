"""i2b2 2014 XML: layout, bad offsets, entity expansion, documents without a system file."""

import json

import pytest

from clinicalbert_tf import score
from clinicalbert_tf.metrics.phi import Phi
from clinicalbert_tf.scoring.phi_files import read_documents, read_phi_xml
from tests import support

TEXT = "\nSeen: Wilma Flint, 3/4/99 & more\n"
GOLD = [("NAME", "PATIENT", 7, 18), ("DATE", "DATE", 20, 26)]


def xml(text=TEXT, tags=GOLD, head=""):
    lines = [
        f'<{element} id="P{i}" start="{start}" end="{end}" text="..." TYPE="{name}" comment="" />'
        for i, (element, name, start, end) in enumerate(tags)
    ]
    return (
        f'<?xml version="1.0" encoding="UTF-8" ?>\n{head}<deIdi2b2>\n'
        f"<TEXT><![CDATA[{text}]]></TEXT>\n"
        "<TAGS>\n" + "\n".join(lines) + "\n</TAGS>\n</deIdi2b2>\n"
    )


@pytest.fixture
def folders(tmp_path):
    for name in ("gold", "system"):
        (tmp_path / name).mkdir()
    return tmp_path / "gold", tmp_path / "system"


def test_offsets_count_from_behind_the_cdata_mark_with_line_ends_as_one(tmp_path):
    path = tmp_path / "110-01.xml"
    path.write_bytes("\ufeff".encode() + xml().replace("\n", "\r\n").encode())
    text, spans = read_phi_xml(str(path))
    assert text == TEXT
    assert spans == (Phi("NAME", "PATIENT", 7, 18), Phi("DATE", "DATE", 20, 26))
    assert text[7:18] == "Wilma Flint"


def test_the_command_names_missing_documents_and_scores_the_rest(folders, capsys):
    gold, system = folders
    (gold / "110-01.xml").write_text(xml())
    (gold / "110-02.xml").write_text(xml(tags=GOLD[:1]))
    (gold / "._110-02.xml").write_bytes(b"\0")
    (system / "110-01run1.xml").write_text(xml(tags=[GOLD[0], ("DATE", "DATE", 20, 25)]))
    (system / "999-01.xml").write_text(xml())
    arguments = ["phi", "--gold", str(gold), "--system", str(system), "--bootstrap", "20", "--json"]
    assert score.main(arguments) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["missing_documents"] == ["110-02"]
    assert out["documents_without_gold"] == ["999-01"]
    assert (out["strict"]["precision"], out["strict"]["recall"]) == (0.5, 1 / 3)
    assert (out["relaxed"]["precision"], out["relaxed"]["recall"]) == (1.0, 2 / 3)
    assert out["privacy"]["documents_with_a_miss"] == ["110-01", "110-02"]
    assert out["privacy"]["characters_left"] == 1 + len("WilmaFlint")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (xml(tags=[("NAME", "PATIENT", 7, 99)]), "tag P0: expected offsets within the text's 34"),
        (xml(tags=[("NAME", "PATIENT", -1, 3)]), "tag P0"),
        (xml(tags=[("NAME", "PATIENT", 9, 7)]), "start 9 and end 7"),
        (xml(tags=[("NAME", "PATIENT", "x", 7)]), "tag P0: expected whole numbers"),
        (xml()[:-12], "line 10"),
        ("<a/>", "element TEXT"),
        (xml(head='<!DOCTYPE x [<!ENTITY a "aa">]>\n'), "document type declaration"),
        (xml(head='<!DOCTYPE x SYSTEM "file:///etc/passwd">\n'), "document type declaration"),
    ],
)
def test_bad_xml_is_named_without_its_text(tmp_path, content, named):
    path = tmp_path / "110-01.xml"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"110-01.xml") as error:
        read_phi_xml(str(path))
    assert named in str(error.value)
    assert "Wilma" not in str(error.value)


def test_texts_that_differ_and_two_files_of_a_document_are_refused(folders):
    gold, system = folders
    (gold / "110-01.xml").write_text(xml())
    (system / "110-01.xml").write_text(xml(text=TEXT + "x"))
    with pytest.raises(ValueError, match="received another one"):
        read_documents(str(gold), str(system))
    (gold / "110-01copy.xml").write_text(xml())
    with pytest.raises(ValueError, match="one file of document 110-01"):
        read_documents(str(gold), str(system))


def test_empty_and_missing_folders_are_refused(folders):
    gold, system = map(str, folders)
    with pytest.raises(ValueError, match="found none"):
        read_documents(gold, system)
    (folders[0] / "110-01.xml").write_text(xml())
    with pytest.raises(FileNotFoundError, match="--system"):
        read_documents(gold, system + "x")


SHARED = support.ROOT.parent / "shared" / "golden" / "i2b2_raw" / "input" / "i2b2_2014"


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared")
def test_every_well_formed_golden_file_scores_1_against_itself():
    folder = str(SHARED / "training-PHI-Gold-Set1")
    documents, extra = read_documents(folder, folder)
    assert sorted(documents) == ["601-01", "601-02", "602-01"] and not extra
    for document in documents.values():
        assert document.gold == document.system


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
