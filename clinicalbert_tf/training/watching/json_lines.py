"""Log lines as JSON, one object a line on stderr, for `--log_format=json`.

Every line has "time" (ISO 8601, UTC), "level" and "message". What a program would rather not read
out of a message stands in fields of its own: a call of absl's logging takes them as
`extra=fields(event="save", step=10)`, and other formats ignore them.
"""

import datetime
import json
import logging as standard_logging
import math
import sys
from typing import Any

from absl import logging

_ATTRIBUTE = "clinicalbert_tf_fields"
_OWN = ("time", "level", "message")


def fields(**values: Any) -> dict[str, dict[str, Any]]:
    """Fields of a log line, as the argument `extra` of a logging call."""
    return {_ATTRIBUTE: values}


class JsonFormatter(standard_logging.Formatter):
    """Formats a log record as one line of JSON; numbers that JSON lacks become null."""

    def format(self, record: standard_logging.LogRecord) -> str:
        when = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        line = {
            "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        more = getattr(record, _ATTRIBUTE, {})
        line |= {name: _plain(value) for name, value in more.items() if name not in _OWN}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, allow_nan=False, default=str)


def install() -> None:
    """Makes JSON of every log line, warning and uncaught exception from here on."""
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(JsonFormatter())
    standard_logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def installed() -> bool:
    """Whether log lines are JSON."""
    return isinstance(logging.get_absl_handler().python_handler.formatter, JsonFormatter)


def bars_disabled() -> bool | None:
    """tqdm's `disable`: always where log lines are JSON, otherwise where there is no terminal."""
    return True if installed() else None


def _log_uncaught(kind, error, traceback) -> None:
    if issubclass(kind, KeyboardInterrupt):
        logging.error("Interrupted.", extra=fields(event="error", error=kind.__name__))
        return
    logging.error(
        *("%s: %s", kind.__name__, error),
        exc_info=(kind, error, traceback),
        extra=fields(event="error", error=kind.__name__),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
