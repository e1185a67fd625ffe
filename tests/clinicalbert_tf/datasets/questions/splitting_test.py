import pytest

from clinicalbert_tf.datasets.questions.splitting import split_by_document
from clinicalbert_tf.texts.question_answering.question import Question

QUESTIONS = [Question(f"q{n}", "Why?", "x", document_id=f"note-{n // 3}") for n in range(60)]


def test_no_document_is_on_both_sides_and_order_stays():
    kept, held_out = split_by_document(QUESTIONS, 0.2, seed=1)
    assert not {q.document_id for q in kept} & {q.document_id for q in held_out}
    assert [q for q in QUESTIONS if q in kept] == kept
    assert len(held_out) == 12 and len(kept) == 48


def test_split_depends_on_ids_and_seed_alone():
    _, held_out = split_by_document(QUESTIONS, 0.2, seed=1)
    _, again = split_by_document(QUESTIONS[::-1], 0.2, seed=1)
    assert {q.question_id for q in again} == {q.question_id for q in held_out}
    _, other = split_by_document(QUESTIONS, 0.2, seed=2)
    assert other != held_out


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_empty_side_is_refused(share):
    with pytest.raises(ValueError, match="60 questions about 20 documents"):
        split_by_document(QUESTIONS, share, seed=1)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
