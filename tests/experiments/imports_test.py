"""The scripts of experiments/ import only what is there; most take too long to run here."""

import ast

import pytest

from tests.support import ROOT

SCRIPTS = sorted((ROOT / "experiments").rglob("*.py"))
PACKAGES = ("clinicalbert_tf", "tfrecords_builder", "tests", "experiments")


def source_of(module):
    """The file of a module of ours, or None."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.exists():
            return file
    return None


def names_of(module):
    """What `from module import` gives: its modules and the names that its source binds."""
    file = source_of(module)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {path.stem for path in file.parent.iterdir()} if file.stem == "__init__" else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Constant) and file.stem == "__init__":
            # What a package gives lazily stands in its table of names.
            found.add(node.value)
    return found


def missing_imports(source):
    """The imports from our packages that are not there."""
    missing = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in PACKAGES:
            if (
                source_of(node.module) is None
                and not ROOT.joinpath(*node.module.split(".")).is_dir()
            ):
                missing.append(node.module)
            elif source_of(node.module) is not None:
                names = {alias.name for alias in node.names} - names_of(node.module)
                missing += [f"{node.module}.{name}" for name in names]
        elif isinstance(node, ast.Import):
            missing += [
                alias.name
                for alias in node.names
                if alias.name.split(".")[0] in PACKAGES and source_of(alias.name) is None
            ]
    return missing


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_imports_only_what_is_there(path):
    assert missing_imports(path.read_text(encoding="utf-8")) == []


def test_a_name_that_is_gone_is_found():
    source = (
        "from clinicalbert_tf.texts.batches import pad_tokens, gone\nimport clinicalbert_tf.gone"
    )
    expected = ["clinicalbert_tf.texts.batches.gone", "clinicalbert_tf.gone"]
    assert missing_imports(source) == expected


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
