"""What README and docs say exists: links, commands, their flags, and Python that parses."""

import ast
import functools
import importlib.util
import re
import shlex
import subprocess
import sys

import pytest

from tests.support import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Written by `make docs`.
GENERATED = {"docs/reference/commands.md"}
PAGES = [page for page in PAGES if str(page.relative_to(ROOT)) not in GENERATED]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)
COMMAND = re.compile(r"\bpython3? -m ((?:clinicalbert_tf|tfrecords_builder)[\w.]*)(.*)")
FLAG = re.compile(r"--(?P<name>[A-Za-z]\w*)")


def names(page):
    return str(page.relative_to(ROOT))


def blocks(page, *languages):
    text = page.read_text(encoding="utf-8")
    return [content for language, content in BLOCK.findall(text) if language in languages]


def commands(page):
    """(module, flags) of every `python -m` line in the page's blocks."""
    found = []
    for content in blocks(page, "", "bash", "sh", "shell", "console"):
        joined = content.replace("\\\n", " ")
        for line in joined.splitlines():
            for piece in line.split("#")[0].split(" -- "):
                match = re.search(
                    r"\bpython3? -m ((?:clinicalbert_tf|tfrecords_builder)[\w.]*)(.*)", piece
                )
                if match:
                    words = shlex.split(match[2].split("&&")[0].split("|")[0])
                    flags = [m["name"] for w in words if (m := FLAG.match(w))]
                    found.append((match[1], flags))
    return found


@functools.cache
def help_of(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (page.parent / link).resolve()
        assert target.exists() or str(target.relative_to(ROOT)) in GENERATED, link


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_python_blocks_parse_and_import_what_exists(page):
    for content in blocks(page, "python"):
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert importlib.util.find_spec(node.module), node.module


@pytest.mark.large
@pytest.mark.parametrize("page", PAGES, ids=names)
def test_commands_and_their_flags_exist(page):
    for module, flags in commands(page):
        listed = help_of(module)
        for flag in flags:
            known = re.search(rf"--(\[no\])?({flag}|{flag.removeprefix('no')})\b", listed)
            assert known or flag in ("help", "helpfull", "flagfile"), f"{module} --{flag}"


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 125


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
