import pytest

from clinicalbert_tf.inference.privacy.words import findings, lines
from clinicalbert_tf.report.privacy_page import privacy_page, write_privacy_report


def ranked(auroc, low, shuffled):
    others = {"auroc": shuffled, "interval_95": [shuffled - 0.05, shuffled + 0.05]}
    others |= {"precision_at_10": 0.1, "rank_correlation": None}
    return {
        "auroc": auroc,
        "interval_95": [low, auroc + 0.05],
        "precision_at_10": 0.25,
        "rank_correlation": 0.5,
        "shuffled_names": others,
    }


FOUND = {
    "model": {
        "condition_given_name": ranked(0.9, 0.8, 0.52),
        "linear_probe": ranked(0.55, 0.51, 0.53),
        "mlp_probe": ranked(0.75, 0.7, 0.5),
        "name_in_corpus": None,
        "canaries": {"mean_exposure": 7.5, "max_exposure": 8.0, "most_possible": 8.0},
        "controls": {"mean_exposure": 1.2, "max_exposure": 4.0, "most_possible": 8.0},
        "reasons": {"name_in_corpus": "needs mentions"},
    },
    "before": {"mlp_probe": ranked(0.72, 0.66, 0.5), "reasons": {}},
}


def test_what_was_shown_and_what_not_is_told_apart():
    shown = {one.measure: one.shown for one in findings(FOUND["model"], FOUND["before"])}
    assert shown == {
        "condition_given_name": True,
        "linear_probe": False,
        # The model before training does as well: that is not from the notes.
        "mlp_probe": False,
        "name_in_corpus": None,
        "canaries": True,
        "controls": False,
    }
    said = "\n".join(lines(FOUND))
    assert "condition_given_name: AUROC 0.900 (0.800 to 0.950; names shuffled 0.520)" in said
    assert "name_in_corpus: Not measured: needs mentions." in said
    assert said.endswith("(docs/privacy.md).")


def test_the_page_says_it_in_words_and_numbers(tmp_path):
    page = privacy_page(FOUND, {"model": "runs/m", "patients": "p.csv"})
    shown, rest = page.split("What was looked for and not shown")
    assert "expect a patient's conditions after the name?" in shown.replace("&#x27;", "'")
    assert "What was not measured" in rest and "names shuffled" in rest and "0.250" in rest
    path = write_privacy_report(FOUND, {"model": "runs/m"}, str(tmp_path))
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600 and path.endswith(".html")


@pytest.mark.parametrize("low", [0.45, 0.5])
def test_an_interval_down_to_chance_shows_nothing(low):
    result = {"auroc": 0.6, "interval_95": [low, 0.7], "members": 5, "others": 6}
    (finding,) = findings({"membership": result})
    assert finding.shown is False and "5 notes that were trained on, 6 others" in finding.sentence


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
