"""Relations of the raw 2010 release: candidate pairs, labels, both forms."""

import pytest

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.relation_texts import Entity, show_entities
from clinicalbert_tf.datasets.classification.settings import DataSettings

TRAINING = "concept_assertion_relation_training_data"
TEXT = """Admission Date :
 He received aspirin for chest pain and fever .
CT scan showed pneumonia .
Therapy with
heparin was stopped ."""
CONCEPTS = """c="aspirin" 2:3 2:3||t="treatment"
c="chest pain" 2:5 2:6||t="problem"
c="fever" 2:8 2:8||t="problem"
c="ct scan" 3:0 3:1||t="test"
c="pneumonia" 3:3 3:3||t="problem"
c="therapy with heparin" 4:0 5:0||t="treatment"
"""
RELATIONS = """c="aspirin" 2:3 2:3||r="TrAP"||c="chest pain" 2:5 2:6
c="aspirin" 2:3 2:3||r="TrIP"||c="chest pain" 2:5 2:6
c="ct scan" 3:0 3:1||r="TeRP"||c="pneumonia" 3:3 3:3
c="aspirin" 2:3 2:3||r="TrAP"||c="pneumonia" 3:3 3:3
c="therapy with heparin" 4:0 5:0||r="TrAP"||c="fever" 2:8 2:8
"""


def document(folder, name, text=TEXT, concepts=CONCEPTS, relations=RELATIONS, names=None):
    names = names or {"txt": "txt", "concept": "con", "rel": "rel"}
    for (inner, ending), content in zip(names.items(), (text, concepts, relations), strict=True):
        (folder / inner).mkdir(parents=True, exist_ok=True)
        (folder / inner / f"{name}.{ending}").write_text(content)


@pytest.fixture
def release(tmp_path):
    training = tmp_path / "2010" / TRAINING
    for n in range(6):
        document(training / "beth", f"record-{n}")
        document(training / "partners", f"{900 + n}")
    standard = tmp_path / "2010" / "reference_standard_for_test_data"
    document(standard, "0001", names={"../test_data": "txt", "concepts": "con", "rel": "rel"})
    return tmp_path


def read(folder, **settings):
    return read_dataset(
        find_dataset("i2b2_2010_relations"), DataSettings(data_dir=str(folder), **settings)
    )


def test_pairs_of_one_line_with_their_labels(release):
    data = read(release)
    assert [(e.id, e.text_a, e.label) for e in data.splits["test"].examples] == [
        ("0001.l0.l1", " He received @treatment$ for @problem$ and fever .", "TrAP"),
        ("0001.l0.l1.1", " He received @treatment$ for @problem$ and fever .", "TrIP"),
        ("0001.l0.l2", " He received @treatment$ for chest pain and @problem$ .", "false"),
        ("0001.l1.l2", " He received aspirin for @problem$ and @problem$ .", "false"),
        ("0001.l3.l4", "@test$ showed @problem$ .", "TeRP"),
    ]
    assert data.splits["test"].examples[0].group == "0001"
    assert data.splits["test"].examples[0].line == 2
    left_out = " ".join(data.splits["test"].notices)
    assert "1 concepts over several lines" in left_out
    assert "1 relations between concepts of two lines" in left_out
    assert "1 relations with an unknown concept" in left_out
    assert data.labels[-1] == "false" and "false" not in data.counted_labels


def test_dev_is_whole_documents_of_the_training_part(release):
    data = read(release)
    train, dev = ({e.group for e in data.splits[n].examples} for n in ("train", "dev"))
    assert not train & dev
    assert len(train | dev) == 12 and len(dev) == 1
    assert read(release, split_seed=5).splits["dev"].examples != data.splits["dev"].examples
    half = read(release, do_split="0.5,0.5,0")
    assert len({e.group for e in half.splits["dev"].examples}) == 6


def test_markers_keep_the_words(release):
    data = read(release, entity_form="markers")
    assert data.splits["test"].examples[-1].text_a == (
        "@ * test * CT scan @ showed # ^ problem ^ pneumonia # ."
    )


def test_possible_candidates_have_a_problem(release):
    text, concepts = (
        "aspirin and heparin",
        ('c="aspirin" 1:0 1:0||t="treatment"\nc="heparin" 1:2 1:2||t="treatment"\n'),
    )
    document(release / "2010" / TRAINING / "beth", "record-9", text, concepts, "")
    everything = [e.id for s in read(release).splits.values() for e in s.examples]
    possible = [
        e.id for s in read(release, candidates="possible").splits.values() for e in s.examples
    ]
    assert "record-9.l0.l1" in everything
    assert "record-9.l0.l1" not in possible
    assert len(possible) == len(everything) - 1


@pytest.mark.parametrize(
    ("concepts", "relations", "said"),
    [
        ("nonsense", "", "expected c="),
        ('c="x" 2:3 2:99||t="problem"', "", "10 words"),
        ('c="x" 9:0 9:0||t="problem"', "", "0 words"),
        ('c="x" 2:3 2:3||t="drug"', "", "problem, test, treatment"),
        (CONCEPTS, "nonsense", "expected c="),
        (CONCEPTS, 'c="aspirin" 2:3 2:3||r="XX"||c="fever" 2:8 2:8', "PIP"),
    ],
)
def test_damaged_annotations_name_file_and_line(release, concepts, relations, said):
    document(release / "2010" / TRAINING / "beth", "record-9", TEXT, concepts, relations)
    with pytest.raises(ValueError, match=said) as caught:
        read(release)
    assert "record-9" in str(caught.value) and "line 1" in str(caught.value)
    assert "nonsense" not in str(caught.value)


def test_missing_parts_and_unknown_settings(tmp_path, release):
    with pytest.raises(FileNotFoundError, match=TRAINING):
        read(tmp_path / "none")
    with pytest.raises(ValueError, match="--entity_form"):
        read(release, entity_form="bold")
    with pytest.raises(ValueError, match="--candidates"):
        read(release, candidates="some")
    (release / "2010" / TRAINING / "beth" / "concept" / "record-0.con").unlink()
    with pytest.raises(FileNotFoundError, match=r"record-0\.con"):
        read(release)


def test_entities_that_overlap_or_touch():
    sentence = "low back pain MRI"
    inner, outer = Entity(4, 8, "test"), Entity(0, 13, "problem")
    assert show_entities(sentence, outer, inner, "placeholders") == "@problem-test$ MRI"
    touching = show_entities(
        sentence, Entity(0, 3, "problem"), Entity(3, 8, "test"), "placeholders"
    )
    assert touching == "@problem-test$ pain MRI"
    assert show_entities(sentence, inner, outer, "markers") == (
        "@ * problem * low # ^ test ^ back # pain @ MRI"
    )
    assert show_entities(sentence, Entity(14, 17, "test"), inner, "placeholders") == (
        "low @test$ pain @test$"
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
