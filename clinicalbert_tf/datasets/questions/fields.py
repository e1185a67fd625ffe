"""Values of a JSON file, checked as they are read."""

from typing import Any


def field(item: Any, name: str, kind: type | tuple[type, ...], source: str, place: str) -> Any:
    """The value of a key.

    Args:
        item: a JSON object.
        name: the key.
        kind: type or types that the value may have.
        source: the file's name.
        place: where the object stands in the file, or the id of its question.

    Raises:
        ValueError: `item` is no object, lacks the key, or its value has another type; names file
            and place, never the value.
    """
    if not isinstance(item, dict):
        raise _error(source, place, "a JSON object", type(item).__name__)
    if name not in item:
        raise _error(source, place, f"the key {name!r}", f"an object of {len(item)} other keys")
    value = item[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind in (int, (str, int))):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(one.__name__ for one in kinds)
        raise _error(source, place, f"{wanted} in {name!r}", type(value).__name__)
    return value


def _error(source: str, place: str, expected: str, received: str) -> ValueError:
    return ValueError(
        f"{source}, {place}: expected {expected}, received {received}. Correct the file, or name "
        "its layout with --dataset_format."
    )
