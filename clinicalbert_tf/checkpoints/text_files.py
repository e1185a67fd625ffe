"""Small JSON files of checkpoints."""

import json
import os
from typing import Any


def read_json(path: str) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, or no object.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"Expected {os.path.basename(path)} in {os.path.dirname(path)}, found none. Copy it "
            "from where the model was published."
        )
    try:
        with open(path, encoding="utf-8-sig") as file:
            values = json.load(file)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(
            f"{path}: expected JSON, received something else ({error.__class__.__name__}). "
            "Download the file again."
        ) from None
    if not isinstance(values, dict):
        raise ValueError(
            f"{path}: expected a JSON object, received {type(values).__name__}. Download the file "
            "again."
        )
    return values


def json_bytes(values: dict[str, Any]) -> bytes:
    """The text of a JSON file: two spaces per level, a final newline."""
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()
