"""The one HTML page and stylesheet of reports and inspections: a file that needs no network."""

import functools
import importlib.resources

import jinja2

_FOLDER = "html"


def render(title: str, body: str, more_style: str = "") -> str:
    """Returns a whole HTML page.

    Args:
        title: plain text; escaped here.
        body: HTML, its texts escaped by who made it.
        more_style: CSS behind the shared stylesheet.
    """
    return _template().render(title=title, body=body, style=_read("style.css") + more_style) + "\n"


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_read("page.html"))


@functools.cache
def _read(name: str) -> str:
    return (importlib.resources.files(__package__) / _FOLDER / name).read_text(encoding="utf-8")
