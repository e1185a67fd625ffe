"""Datasets of questions and files of predicted answers: SQuAD 1.1 and 2.0, BioASQ task B."""

from collections.abc import Mapping

from clinicalbert_tf.scoring.lines import read_json


def squad_answers(content, path: str) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Returns the answers of a parsed SQuAD file.

    Args:
        content: what the file holds.
        path: its name, for errors.

    Returns:
        (question id -> texts of the right answers, question id -> its article: title or number).

    Raises:
        ValueError: it is no SQuAD file, or an id is there twice.
    """
    answers: dict[str, list[str]] = {}
    articles: dict[str, str] = {}
    try:
        for number, article in enumerate(content["data"]):
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    # Some files number their questions; predictions are a JSON object, by text.
                    name = str(question["id"])
                    if name in answers:
                        raise _given_twice(path, name)
                    answers[name] = [answer["text"] for answer in question.get("answers", ())]
                    articles[name] = f"{number} {article.get('title', '')}"
    except (KeyError, TypeError, AttributeError):
        raise ValueError(
            f'{path}: expected the SQuAD layout ("data" > "paragraphs" > "qas" > "id", "answers"), '
            "received another one."
        ) from None
    return answers, articles


def _given_twice(path: str, name: str) -> ValueError:
    return ValueError(
        f"{path}: expected each question id once, received {name!r} twice. Give every question an "
        "id of its own."
    )


def read_answers(path: str) -> dict[str, str]:
    """Reads a JSON object question id -> text.

    Raises:
        ValueError: it is no such object.
    """
    return _object(path, str, "text")


def read_no_answer_scores(path: str) -> dict[str, float]:
    """Reads a JSON object question id -> number.

    Raises:
        ValueError: it is no such object.
    """
    return {name: float(v) for name, v in _object(path, (int, float), "number").items()}


def is_bioasq(content) -> bool:
    """Says whether a parsed file is BioASQ's rather than SQuAD's."""
    return isinstance(content, dict) and "questions" in content and "data" not in content


def bioasq_questions(content: Mapping, path: str) -> dict[str, dict]:
    """Returns question id -> {"type", "exact_answer"} of a parsed BioASQ file, gold or a system's.

    Raises:
        ValueError: it is no BioASQ file, or an id is there twice.
    """
    result: dict[str, dict] = {}
    try:
        for question in content["questions"]:
            name = str(question["id"])
            if name in result:
                raise _given_twice(path, name)
            result[name] = {
                "type": question.get("type"),
                "exact_answer": question.get("exact_answer"),
            }
    except (KeyError, TypeError, AttributeError):
        raise ValueError(
            f'{path}: expected the BioASQ layout ("questions" > "id", "exact_answer"), received '
            "another one."
        ) from None
    return result


def names_of(answer) -> list[str]:
    """Returns all names of an exact answer: BioASQ writes a name, a list, or a list of lists."""
    if answer is None:
        return []
    if isinstance(answer, str):
        return [answer]
    return [name for item in answer for name in ([item] if isinstance(item, str) else item)]


def items_of(answer) -> list[list[str]]:
    """Returns the items of a list answer, each with its names."""
    if answer is None:
        return []
    return [[item] if isinstance(item, str) else list(item) for item in answer]


def _object(path: str, kind, name: str) -> dict:
    content = read_json(path)
    if not isinstance(content, dict) or not all(
        isinstance(value, kind) and not isinstance(value, bool) for value in content.values()
    ):
        raise ValueError(f"{path}: expected a JSON object question id -> {name}.")
    return content
