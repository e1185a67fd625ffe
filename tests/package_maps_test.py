"""Each package's docstring is its map: it names every module and package in it."""

import ast
import re

import pytest

from tests.support import ROOT

PACKAGES = sorted(
    path.parent
    for name in ("tfrecords_builder", "clinicalbert_tf")
    for path in (ROOT / name).rglob("__init__.py")
)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_map_names_every_module(package):
    source = (package / "__init__.py").read_text(encoding="utf-8")
    words = ast.get_docstring(ast.parse(source)) or ""
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    modules |= {path.parent.name for path in package.glob("*/__init__.py")}
    missing = [name for name in sorted(modules) if not re.search(rf"\b{name}\b", words)]
    assert not missing


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
