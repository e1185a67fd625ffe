"""Questions divided so that no document is on both sides."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from clinicalbert_tf.texts.question_answering.question import Question


def split_by_document(
    questions: Sequence[Question], held_out: float, seed: int
) -> tuple[list[Question], list[Question]]:
    """Divides questions by the document of their context.

    Documents are put in an order that depends on their ids and the seed alone, and are held out
    until the wanted share of the questions is reached.

    Args:
        questions: the questions.
        held_out: share of the questions to hold out, between 0 and 1.
        seed: another seed holds out other documents.

    Returns:
        (kept, held out), both in the order of `questions`.

    Raises:
        ValueError: either side would be empty.
    """
    sizes = Counter(question.document_id for question in questions)
    order = sorted(sizes, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    chosen: set[str] = set()
    count = 0
    for name in order:
        if count >= held_out * len(questions):
            break
        chosen.add(name)
        count += sizes[name]
    if not 0 < len(chosen) < len(sizes):
        raise ValueError(
            f"Expected documents on both sides of a split that holds out {held_out:.0%}, received "
            f"{len(questions)} questions about {len(sizes)} documents. Give another share, or "
            "--dev_file."
        )
    kept = [question for question in questions if question.document_id not in chosen]
    return kept, [question for question in questions if question.document_id in chosen]
