"""The report of a run, parsed as HTML."""

import html.parser
import json
import re
import shutil

import pytest

from clinicalbert_tf.report.page import page, write_report
from clinicalbert_tf.report.run_folder import read_run_folder

VOID = {"meta", "link", "br", "line", "polyline", "polygon", "circle"}


class Parsed(html.parser.HTMLParser):
    """Text by element, attributes, and whether every element is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.attributes, self.rows = [], {}, [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, *attribute) for attribute in attributes]
        if tag == "tr":
            self.rows.append([])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        tag = self.open[-1] if self.open else ""
        self.texts.setdefault(tag, []).append(data)
        if tag in ("td", "th"):
            self.rows[-1].append(data)

    def table(self):
        """{first cell: other cells}."""
        return {row[0]: row[1:] for row in self.rows if row}


@pytest.fixture
def parsed(run_folder):
    return Parsed(page(read_run_folder(str(run_folder))))


def test_state_and_first_figures_are_said(parsed):
    assert "Finished at step 40 of 40." in parsed.texts["p"]
    figures = dict(zip(parsed.texts["dt"], parsed.texts["dd"], strict=True))
    assert figures["Evaluation: Masked words: loss"] == "6"
    assert figures["Tokens seen"] == "40k"
    # Ten steps at 1 step/s, thirty at 5 steps/s; the share that most steps had.
    assert figures["Training time"] == "16 s"
    assert figures["Tokens per second"] == "5000"
    assert figures["Share of peak"] == "50%"


def test_every_curve_there_is_has_a_chart_with_its_numbers(parsed):
    assert parsed.texts["h3"] == [
        "Loss", "Masked words: loss", "Masked words: accuracy", "Throughput, tokens per second",
        "Share of the matrix product rate", "Learning rate", "Gradient norm before the clip",
    ]  # fmt: skip
    assert parsed.texts["summary"] == ["Numbers"] * 7
    titles = [text for text in parsed.texts["title"] if text.startswith("Loss:")]
    assert titles == [
        "Loss: training from 9.9 at step 1 to 6 at step 40; "
        "evaluation from 8 at step 20 to 8 at step 40."
    ]
    rates = [row for row in parsed.rows if len(row) == 4 and row[1:] == ["5000"] * 3]
    assert [row[0] for row in rates] == ["20", "30", "40"]


def test_tables_hold_evaluations_checkpoints_data_and_settings(parsed):
    assert ["30", "8.0000", "6.2500"] in parsed.rows
    table = parsed.table()
    assert table["model.ckpt-20"] == ["3 MB", "160", "20,000"]
    assert table["notes: filtered: marked as error"] == ["4"]
    assert table["records"] == ["1234"] and table["fingerprint"] == ["f" * 64]
    assert table["NOTEEVENTS.csv.gz"] == ["sha256 " + "a" * 64]
    assert table["dupe_factor"] == ["5"] and table["learning_rate"] == ["0.001"]
    assert table["started from"] == ["start/model.ckpt-5"]
    assert table["tensorflow"] == ["2.21.0"] and table["replicas"] == ["2"]
    assert table["vocab_size"] == ["28,996"] and table["deterministic"] == ["yes"]
    assert "eval_steps" not in table


def test_names_are_escaped(run_folder, parsed):
    assert parsed.texts["h1"] == [f"Pretraining: {run_folder.name}"]
    assert "<1>" in run_folder.name and parsed.table()["input_file"] == ["a & b.tfrecord"]


def test_page_needs_nothing_from_elsewhere(run_folder, parsed):
    text = page(read_run_folder(str(run_folder)))
    assert not re.search(r"https?://|<script|@import|url\(", text)
    loaded = [value for _, name, value in parsed.attributes if name in ("src", "href")]
    assert loaded == ["data:,"]
    assert ("html", "lang", "en") in parsed.attributes
    identities = [value for _, name, value in parsed.attributes if name == "id"]
    assert len(identities) == len(set(identities)) == 7
    assert all(
        value in identities for _, name, value in parsed.attributes if name == "aria-labelledby"
    )


@pytest.mark.parametrize(
    ("outcome", "sentence", "reason"),
    [
        ({"state": "stopped", "reason": "no better one."}, "Stopped at step 40", "No better one."),
        ({"state": "failed", "reason": "Error: <x>"}, "Failed after step 40", "Error: <x>"),
        ({"state": "running", "reason": None}, "still running, or killed", None),
        (None, "how it ended is not on record", None),
    ],
)
def test_other_ends_are_said(run_folder, outcome, sentence, reason):
    path = run_folder / "outcome.json"
    path.unlink() if outcome is None else path.write_text(json.dumps(outcome))
    paragraphs = Parsed(page(read_run_folder(str(run_folder)))).texts["p"]
    assert any(sentence in paragraph for paragraph in paragraphs)
    assert reason is None or reason in paragraphs


def test_run_that_has_made_no_step_has_a_report(run_folder):
    for path in [*run_folder.glob("events.*"), *run_folder.glob("model.*")]:
        path.unlink()
    shutil.rmtree(run_folder / "eval")
    (run_folder / "outcome.json").unlink()
    parsed = Parsed(page(read_run_folder(str(run_folder))))
    assert "No step is on record yet." in parsed.texts["p"]
    assert any(text.startswith("At step 0 of 40") for text in parsed.texts["p"])


def test_records_that_are_gone_are_said(run_folder):
    shutil.rmtree(run_folder.parent / "records")
    parsed = Parsed(page(read_run_folder(str(run_folder))))
    assert any("no manifest lies beside them" in text for text in parsed.texts["p"])
    assert parsed.table()["records"] == ["1234"]


def test_best_checkpoint_is_named(run_folder):
    (run_folder / "best").mkdir()
    best = {"step": 30, "loss": 8.0, "measured_on": "x"}
    (run_folder / "best" / "best.json").write_text(json.dumps(best))
    parsed = Parsed(page(read_run_folder(str(run_folder))))
    assert any("model.ckpt-30 in best/, evaluation loss 8.0000" in p for p in parsed.texts["p"])


def test_report_is_its_owners_alone_and_whole(run_folder):
    path = run_folder / "report.html"
    assert write_report(str(run_folder)) == str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().endswith("</html>\n")
    assert not list(run_folder.glob("*.tmp-*"))
    (run_folder / "run.json").write_text("{")
    before = path.read_text()
    with pytest.raises(ValueError, match=r"run\.json to be JSON"):
        write_report(str(run_folder))
    assert path.read_text() == before


def test_state_that_is_damaged_is_left_out(run_folder):
    (run_folder / "model.ckpt-20.state.json").write_text("{")
    assert "model.ckpt-20" not in Parsed(page(read_run_folder(str(run_folder)))).table()


def test_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no run\.json.*--output_dir"):
        write_report(str(tmp_path))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
