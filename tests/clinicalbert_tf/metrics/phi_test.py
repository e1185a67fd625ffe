"""The organisers' 2014 measures on hand-counted documents, and what a privacy officer asks."""

import numpy as np
import pytest

from clinicalbert_tf.metrics import phi
from clinicalbert_tf.metrics.phi import Document, Phi

TEXT = "Mr Max Gray, MRN 12-34, seen on 3/4/99 by Dr Li"
PATIENT = Phi("NAME", "PATIENT", 3, 11)
RECORD = Phi("ID", "IDNUM", 17, 22)
DATE = Phi("DATE", "DATE", 32, 38)
DOCTOR = Phi("NAME", "DOCTOR", 45, 47)
GOLD = (PATIENT, RECORD, DATE, DOCTOR)


def document(*system, gold=GOLD):
    return Document(TEXT, gold, system)


def test_strict_needs_element_type_start_and_end():
    system = (PATIENT, Phi("ID", "idnum", 17, 22), Phi("DATE", "DATE", 32, 37), DOCTOR)
    assert phi.strict_counts(document(*system)) == (3, 1, 1)
    assert phi.strict_counts(document(Phi("LOCATION", "CITY", 3, 11))) == (0, 1, 4)
    assert phi.strict_counts(document(Phi("LOCATION", "CITY", 3, 11)), binary=True) == (1, 0, 3)


def test_relaxed_lets_the_end_differ_by_two():
    for end, counts in ((30 + 6, (1, 0, 3)), (40, (1, 0, 3)), (41, (0, 1, 4)), (35, (0, 1, 4))):
        assert phi.relaxed_counts(document(Phi("DATE", "DATE", 32, end))) == counts
    assert phi.relaxed_counts(document(Phi("DATE", "DATE", 31, 38))) == (0, 1, 4)


def test_tokens_are_runs_of_letters_and_digits():
    system = (Phi("NAME", "PATIENT", 3, 6), Phi("ID", "IDNUM", 17, 22))
    # Gold tokens: Max, Gray, 12, 34, 3, 4, 99, Li.
    assert phi.token_counts(document(*system)) == (3, 0, 5)
    assert phi.token_counts(document(Phi("AGE", "AGE", 0, 6)), binary=True) == (1, 1, 7)


def test_hipaa_leaves_doctors_out_and_officially_idnum_too():
    everything = {"1": document(*GOLD)}
    official = phi.scores(everything, "official")
    corrected = phi.scores(everything, "corrected")
    assert official["hipaa_strict"]["recall"] == corrected["hipaa_strict"]["recall"] == 1.0
    nothing = {"1": document(PATIENT, DATE)}
    assert phi.scores(nothing, "official")["hipaa_strict"]["recall"] == 1.0
    assert phi.scores(nothing, "corrected")["hipaa_strict"]["recall"] == 2 / 3


def test_micro_and_macro():
    documents = {
        "1": document(PATIENT),
        "2": document(DOCTOR, gold=(DOCTOR,)),
        "3": document(gold=()),
    }
    strict = phi.scores(documents)["strict"]
    assert (strict["precision"], strict["recall"]) == (1.0, 2 / 5)
    # A document without gold spans has recall 0, one without system spans precision 0.
    assert strict["macro"]["recall"] == pytest.approx((0.25 + 1 + 0) / 3)
    assert strict["macro"]["precision"] == pytest.approx(2 / 3)
    assert strict["macro"]["recall_sd"] == pytest.approx(np.std([0.25, 1, 0]))


def test_documents_without_a_system_file_count_as_missed_and_are_named():
    scores = phi.scores({"1": document(*GOLD), "2": Document(TEXT, GOLD, None)})
    assert scores["missing_documents"] == ["2"]
    assert scores["strict"]["recall"] == 0.5
    assert scores["privacy"]["documents_with_a_miss"] == ["2"]


def test_privacy_asks_whether_a_letter_or_digit_stays():
    # The comma of "Gray," and the slashes need not be covered; one letter of Max is left.
    system = (Phi("X", "X", 4, 11), Phi("X", "X", 17, 19), Phi("X", "X", 20, 22), DATE)
    privacy = phi.scores({"1": document(*system)})["privacy"]
    assert privacy["recall"] == 0.5
    assert privacy["recall_by_type"]["PATIENT"] == {"recall": 0.0, "gold": 1, "missed": 1}
    assert privacy["recall_by_type"]["IDNUM"]["missed"] == 0
    assert privacy["characters_left"] == 1 + 2
    assert privacy["misses_per_1000_words"] == 1000 * 2 / len(TEXT.split())


def test_no_gold_spans_leave_recall_open():
    assert phi.privacy({"1": document(gold=())})["recall"] is None


@pytest.mark.parametrize(("documents", "hipaa"), [({}, "corrected"), ({"1": document()}, "all")])
def test_bad_calls_are_refused(documents, hipaa):
    with pytest.raises(ValueError, match="Expected"):
        phi.scores(documents, hipaa)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
