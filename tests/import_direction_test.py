"""Who may import whom: parsed from the sources, so that a lazy import counts too."""

import ast

import pytest

from tests.support import ROOT

PACKAGES = ("tfrecords_builder", "clinicalbert_tf")
# What the trainer may take from the builder; its command-line modules may take more.
SHARED = {
    "command_line",
    "exported_cells",
    "files",
    "first_import",
    "html_page",
    "quiet_start",
    "schema",
    "tfrecord_checksum",
    "tfrecord_files",
    "tokenization",
    "synthetic",
    "text",
    "vocabulary_rules",
}
# Worker processes import these: TensorFlow would cost each of them seconds and memory.
WITHOUT_TENSORFLOW = (
    "schema",
    "tokenization",
    "vocabulary_rules",
    "vocabulary",
    "notes.reading",
    "text.sections",
    "text.sentences",
    "text.huang2019",
    "pairing.exact_pairing",
    "pairing.streaming_pairing",
    "pairing.masking",
    "building.document_encoder",
    "building.shard_builder",
    "synthetic",
)
# Rooms and single modules of the trainer: each imports only its own and what stands before it.
# Commands come last and may import anything.
ORDER = (
    "config",
    "setting_fields",
    "run_files",
    "kernel_compiler",
    "keras_objects",
    "modeling",
    "checkpoints",
    "texts",
    "input_pipeline",
    "datasets",
    "metrics",
    "training",
    "tasks",
    "inference",
    "deidentification",
    "scoring",
    "report",
)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(p): p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))
}


def is_command(name):
    """A module that can be run with `python -m`, or what only commands use."""
    if name.startswith("clinicalbert_tf.embedded_") or name.endswith("_command"):
        return True
    return "__main__" in SOURCES[name].read_text(encoding="utf-8") or name.endswith("__main__")


def imports(name, top_level_only=False):
    """Absolute names of everything a module imports, `from package import module` resolved."""
    tree = ast.parse(SOURCES[name].read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in SOURCES else node.module)
    return found


def test_both_packages_are_seen():
    assert "tfrecords_builder.schema" in SOURCES
    assert "clinicalbert_tf.config" in SOURCES
    assert "tfrecords_builder.schema" in imports("tfrecords_builder.notes.reading")


def test_builder_never_imports_the_trainer():
    for name in SOURCES:
        if name.startswith("tfrecords_builder"):
            bad = {i for i in imports(name) if i.split(".")[0] == "clinicalbert_tf"}
            assert not bad, f"{name} imports {bad}"


def test_trainer_takes_only_the_shared_modules_from_the_builder():
    for name in SOURCES:
        if not name.startswith("clinicalbert_tf") or is_command(name):
            continue
        taken = {i.split(".")[1] for i in imports(name) if i.startswith("tfrecords_builder.")}
        assert taken <= SHARED, f"{name} imports {taken - SHARED} from tfrecords_builder"


def room_of(name):
    """The place in ORDER of a module of the trainer; None for commands."""
    parts = name.split(".")
    if parts[0] != "clinicalbert_tf" or len(parts) < 2 or is_command(name):
        return None
    return ORDER.index(parts[1]) if parts[1] in ORDER else None


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_only_what_stands_before_it(room):
    place = ORDER.index(room)
    for name in SOURCES:
        if room_of(name) != place:
            continue
        for other in imports(name):
            later = room_of(other)
            assert later is None or later <= place, f"{name} imports {other}"
            assert not (other in SOURCES and is_command(other)), f"{name} imports a command"


def test_every_module_of_the_trainer_has_its_place():
    rooms = {name.split(".")[1] for name in SOURCES if name.startswith("clinicalbert_tf.")}
    own = {"command", "flags", "run_flags", *ORDER}
    for room in rooms - own:
        assert is_command(f"clinicalbert_tf.{room}"), f"{room} is neither a command nor in ORDER"


def test_worker_modules_import_no_tensorflow():
    for module in WITHOUT_TENSORFLOW:
        name = f"tfrecords_builder.{module}"
        heavy = {
            i for i in imports(name) if i.split(".")[0] in ("tensorflow", "keras", "keras_nlp")
        }
        assert not heavy, f"{name} imports {heavy}"


def test_there_are_no_import_circles():
    graph = {name: imports(name, top_level_only=True) & set(SOURCES) for name in SOURCES}
    done, path = set(), []

    def visit(name):
        if name in path:
            pytest.fail("circle: " + " -> ".join([*path[path.index(name) :], name]))
        if name in done:
            return
        path.append(name)
        for other in sorted(graph[name]):
            visit(other)
        path.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)
    assert done == set(SOURCES) and not path


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
