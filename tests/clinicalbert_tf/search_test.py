import json

import pytest
from absl import flags

from clinicalbert_tf import search, search_command, tool_command
from tests import support

CHECKPOINT = str(support.GOLDEN / "tf1_checkpoint")


def values(*arguments):
    parsed = flags.FlagValues()
    search_command.define_search_flags(parsed)
    parsed(["search", *arguments])
    return parsed


@pytest.fixture(scope="module")
def index_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    (folder / "notes.csv").write_text(
        "note_id,subject_id,category,text\n"
        "007,03,ED,Patient has chest pain.\n"
        "NA,3,Nursing,\n"
        "null,3,Nursing,No fever.\n",
        encoding="utf-8",
    )
    made = search_command.index(
        values(
            f"--input_file={folder}/notes.csv",
            f"--index_dir={folder}/index",
            f"--init_checkpoint={CHECKPOINT}",
            "--json",
        )
    )
    made = json.loads(made)
    assert (made["notes"], made["empty_notes"], made["chunks"]) == (2, 1, 2)
    assert made["index_dir"] == f"{folder}/index"
    return made["index_dir"]


def test_a_query_prints_ids_as_given_offsets_and_cosines(index_dir):
    found = json.loads(
        search_command.query("No fever.", values(f"--index_dir={index_dir}", "--json"))
    )
    first, second = found["results"]
    assert first.pop("score") == pytest.approx(1, abs=1e-6)
    assert first == {
        "note_id": "null", "start": 0, "end": 9, "patient": "3", "category": "Nursing"
    }  # fmt: skip
    assert (second["note_id"], second["start"], second["end"]) == ("007", 0, 23)
    assert -1 <= second["score"] < 1
    line = search_command.query("No fever.", values(f"--index_dir={index_dir}", "-k", "1"))
    assert line == "1.0000\tnull\t0\t9"


def test_filters_and_the_lack_of_hits_are_said(index_dir):
    line = search_command.query("fever", values(f"--index_dir={index_dir}", "--patient=03"))
    assert line.split("\t")[1:] == ["007", "0", "23"]
    none = search_command.query("fever", values(f"--index_dir={index_dir}", "--patient=003"))
    assert none == "No note is left by the filters."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "index"], "Expected --input_file and --index_dir and --init_checkpoint"),
        (["search", "query", "Mr. Smith", "fever"], "received 3 arguments"),
        (["search", "find"], "received 1 arguments"),
    ],
)
def test_a_mistake_is_one_line_without_what_was_asked(arguments, message):
    with pytest.raises(SystemExit) as error:
        tool_command.run_tool("search", lambda: search.work(arguments[1:], values()))
    assert message in str(error.value) and "Smith" not in str(error.value)
    assert "\n" not in str(error.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
