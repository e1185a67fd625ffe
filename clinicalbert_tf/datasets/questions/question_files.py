"""JSON files of questions: which layout one has, and its questions."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from clinicalbert_tf.datasets.questions import bioasq, emrqa, squad
from clinicalbert_tf.texts.question_answering.question import Question, check_unique

LAYOUTS: dict[str, Callable[..., Iterator[Question]]] = {
    "squad": squad.questions_of,
    "bioasq": bioasq.questions_of,
    "emrqa": emrqa.questions_of,
}


def read_questions(
    path: str, layout: str = "auto", answer_unit: str = "concept", paraphrases: int = 1
) -> list[Question]:
    """Reads a file of questions, as it says: offsets are not checked yet.

    Args:
        path: a JSON file, gzipped if its name ends in `.gz`.
        layout: one of LAYOUTS, or "auto" to tell it from the file.
        answer_unit, paraphrases: of emrQA, see `emrqa.questions_of`.

    Returns:
        The questions in the file's order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not JSON, has another layout, lacks a key, or has an id twice.
            Names file and id or place, never the text.
    """
    content = _load(path)
    if layout == "auto":
        layout = detect_layout(content)
    options = {}
    if layout == "emrqa":
        options = {"answer_unit": answer_unit, "paraphrases": paraphrases}
    return list(check_unique(LAYOUTS[layout](content, path, **options), path))


def detect_layout(content: Any) -> str:
    """The layout of a loaded file: "bioasq", "emrqa" or else "squad"."""
    if isinstance(content, dict) and "questions" in content:
        return "bioasq"
    return "emrqa" if emrqa.is_emrqa(content) else "squad"


def _load(path: str) -> Any:
    opened = gzip.open if path.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected a file of questions, found none at {path}. Check the path."
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(
            f"{path}: expected a whole gzip file, received one that is cut off or damaged. Copy "
            "the file again."
        ) from None
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        problem = f"UTF-8, received other bytes at byte {error.start + 1}"
    except json.JSONDecodeError as error:
        problem = f"JSON, received something else ({error.msg} at character {error.pos + 1})"
    # Out here: both errors hold the whole text.
    raise ValueError(f"{path}: expected {problem}. Write the file again.")
