"""A result for reading: names and numbers, indented."""

from collections.abc import Iterator

# Long tables are for --json.
_LONG = 40


def as_text(result: dict) -> str:
    """Returns a result as lines "name value", "-" if there is no value."""
    return "\n".join(_lines(result, ""))


def _lines(result: dict, indent: str) -> Iterator[str]:
    if len(result) > _LONG:
        yield f"{indent}({len(result)} entries: see --json)"
        return
    for name, value in result.items():
        if isinstance(value, dict):
            if value:
                yield f"{indent}{name}"
                yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{name:<24} {_value(value)}"


def _value(value) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list):
        if len(value) > _LONG:
            return f"({len(value)} entries: see --json)"
        return ", ".join(_value(v) for v in value) or "none"
    return str(value)
