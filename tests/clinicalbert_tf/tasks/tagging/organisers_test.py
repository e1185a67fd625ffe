import json

import pytest

from clinicalbert_tf.datasets.documents import Account, Document
from clinicalbert_tf.datasets.entity_sets import read_entity_set
from clinicalbert_tf.datasets.i2b2.releases import Conversion, read_release
from clinicalbert_tf.datasets.i2b2_xml import i2b2_xml
from clinicalbert_tf.datasets.labelled_words import Sentence, sentence_spans
from clinicalbert_tf.metrics import phi
from clinicalbert_tf.scoring import phi_files
from clinicalbert_tf.tasks.tagging.organisers import organiser_scores
from clinicalbert_tf.tasks.tagging.score_lines import score_lines
from tests import support

RAW = support.GOLDEN / "i2b2_raw" / "input"


def disturbed(sentences):
    """Predictions: every third entity is missed, every fourth loses its last word or its type."""
    count = 0
    for sentence in sentences:
        labels = list(sentence.labels)
        for place, label in enumerate(labels):
            if label == "O":
                continue
            count += label[0] == "B"
            if count % 3 == 0:
                labels[place] = "O"
            elif count % 4 == 0:
                last = place + 1 == len(labels) or labels[place + 1][0] != "I"
                labels[place] = "O" if last and label[0] == "I" else f"{label[0]}-DATE"
        yield labels


def test_phi_scores_equal_those_of_the_xml_files(tmp_path):
    raw = str(RAW / "i2b2_2014")
    sentences = read_entity_set("i2b2_2014", raw).parts["test"]
    gold = [list(s.labels) for s in sentences]
    predicted = list(disturbed(sentences))
    found = organiser_scores("i2b2_2014", sentences, gold, predicted)["phi"]
    release = read_release(Conversion("i2b2_2014", raw), Account())
    texts = {document.note_id: document.text for document in release["test"]}
    for name, labels in (("gold", gold), ("system", predicted)):
        (tmp_path / name).mkdir()
        for note_id, text in texts.items():
            spans = [
                span
                for sentence, of in zip(sentences, labels, strict=True)
                if sentence.document == note_id
                for span in sentence_spans(
                    Sentence(sentence.words, tuple(of), note_id, "", sentence.offsets)
                )
            ]
            content = i2b2_xml(Document(note_id, text, tuple(spans)))
            (tmp_path / name / f"{note_id}.xml").write_text(content, encoding="utf-8")
    documents, _ = phi_files.read_documents(str(tmp_path / "gold"), str(tmp_path / "system"))
    expected = phi.scores(documents)
    assert expected.pop("missing_documents") == []
    assert found == {**expected, "scored_by": "document"}
    assert 0 < found["strict"]["f1"] < 1 and found["privacy"]["documents_with_a_miss"]


def test_phi_of_2006_has_no_hipaa_subset_and_names_sentences_without_documents():
    sentence = Sentence(("Mr", "Quill", "of", "Elm"), ("O", "B-PATIENT", "O", "B-LOCATION"))
    gold = [list(sentence.labels)]
    found = organiser_scores("i2b2_2006", [sentence], gold, [["O", "B-PATIENT", "O", "O"]])["phi"]
    assert (found["strict"]["precision"], found["strict"]["recall"]) == (1.0, 0.5)
    assert found["scored_by"] == "sentence" and not any("hipaa" in name for name in found)
    privacy = found["privacy"]
    assert privacy["recall_by_type"]["LOCATION"] == {"recall": 0.0, "gold": 1, "missed": 1}
    assert (privacy["characters_left"], privacy["misses_per_1000_words"]) == (3, 250.0)


def test_events_are_scored_as_the_organisers_do(tmp_path):
    sentence = Sentence(
        ("chest", "pain", "after", "the", "CT"), ("B-PROBLEM", "I-PROBLEM", "O", "O", "B-TEST")
    )
    predicted = [["O", "B-PROBLEM", "O", "B-PROBLEM", "I-PROBLEM"]]
    gold = [list(sentence.labels)] * 2
    found = organiser_scores("i2b2_2012", [sentence] * 2, gold, predicted * 2)
    scores = found["i2b2_2012"]
    # Both events are overlapped, none has the same words, one has the right type.
    assert scores["overlap"]["f1"] == 1.0 and scores["exact"]["f1"] == 0.0
    assert scores["partial"]["f1"] == 0.5 and scores["type_accuracy"] == 0.5
    assert organiser_scores("i2b2_2010", [sentence], [], []) == {}
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"test": {"exact": {"f1": 0.25}, **found}}))
    assert list(score_lines(str(tmp_path))) == [
        f"test: exact F1 0.2500 ({path})",
        "test: organisers' events: overlap F1 1.0000, exact F1 0.0000, partial F1 0.5000, type "
        "accuracy 0.5000",
    ]


def test_the_lines_of_private_data(tmp_path):
    sentence = Sentence(("Quill", "x"), ("B-PATIENT", "O"), "110-01")
    found = organiser_scores("i2b2_2014", [sentence], [list(sentence.labels)], [["O", "O"]])
    (tmp_path / "metrics.json").write_text(json.dumps({"test": {"exact": {"f1": 0.0}, **found}}))
    _, official, private = score_lines(str(tmp_path))
    assert official.startswith("test: organisers' PHI: strict F1 0.0000, relaxed F1 0.0000")
    assert "hipaa strict F1" in official
    assert private == (
        "test: private data: recall 0.0000, 1 of 1 documents with a miss, 5 characters left, "
        "500.00 misses per 1,000 words"
    )
    assert found["phi"]["privacy"]["recall"] == pytest.approx(0.0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
