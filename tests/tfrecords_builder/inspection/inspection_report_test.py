import builtins
import dataclasses
import html.parser
import re

import numpy as np
import pytest

from tests.support import GOLDEN
from tfrecords_builder import schema
from tfrecords_builder.inspection import inspection, inspection_report

CASED = str(GOLDEN / "pretraining_data" / "cased_128.tfrecord.gz")


@pytest.fixture(scope="module")
def found():
    return inspection.inspect_records([CASED], str(GOLDEN / "vocab" / "cased.txt"))


def test_text_names_every_row_and_ends_with_the_verdict(found):
    text = inspection_report.format_text(found)
    for name, value in found.rows():
        assert re.search(rf"^{re.escape(name)} +{re.escape(value)}$", text, re.MULTILINE)
    assert text.endswith("no manifest to compare with.")
    bad = dataclasses.replace(found, disagreements=["Expected a, received b"])
    assert inspection_report.format_text(bad).endswith("1 disagreements:\nExpected a, received b")


def test_text_histogram_counts_every_instance(found):
    rows = re.findall(r"^ +(\d+) to (\d+) +([\d,]+)", inspection_report.format_text(found), re.M)
    counts = [int(count.replace(",", "")) for _, _, count in rows]
    assert sum(counts) == 948
    assert (rows[0][0], rows[-1][1]) == ("0", "128")
    for (first, last, _), count in zip(rows, counts, strict=True):
        assert count == found.statistics.lengths[int(first) : int(last) + 1].sum()


def test_bars_are_of_equal_width_and_lose_nothing():
    edges, counts = inspection_report.bars(np.arange(10), 4)
    assert edges.tolist() == [0, 3, 6, 9, 10]
    assert counts.tolist() == [3, 12, 21, 9]
    edges, counts = inspection_report.bars(np.arange(3), 64)
    assert (edges.tolist(), counts.tolist()) == ([0, 1, 2, 3], [0, 1, 2])


def test_picture_shows_the_counts(found):
    figure = inspection_report.draw(found)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == [
        "Tokens an instance",
        "Shares",
        "Predictions an instance",
        "What stands at predicted positions",
    ]
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 948
    heights = [bar.get_height() for bar in figure.axes[3].patches]
    assert heights == pytest.approx([100 * s for s in found.statistics.masking_shares(4)])
    assert inspection_report.png(found).startswith(b"\x89PNG")


def test_unmasked_records_have_no_pictures_of_masks(found):
    unmasked = dataclasses.replace(found.statistics, max_predictions_per_seq=None)
    figure = inspection_report.draw(dataclasses.replace(found, statistics=unmasked))
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["Tokens an instance", "Shares"]


def test_page_is_whole_needs_no_network_and_escapes(found):
    manifest = schema.Manifest({"input": "<script>"}, {}, [], {}, [], package_version="0.1.0")
    page = inspection_report.page(
        dataclasses.replace(found, manifest=manifest, disagreements=["Expected <b>"]), "A & B"
    )
    loaded = []

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            attributes = dict(attrs)
            own = ("#", "data:")
            loaded.extend(v for k, v in attrs if k in ("src", "href") and not v.startswith(own))
            loaded.extend([tag] if tag in ("script", "iframe") else [])
            assert "onload" not in attributes

    Parser().feed(page)
    assert loaded == []
    assert "<title>A &amp; B</title>" in page and "Expected &lt;b&gt;" in page
    assert "&lt;script&gt;" in page and "<svg" in page
    assert page.rstrip().endswith("</html>")
    assert "948" in page and CASED in page


def test_missing_matplotlib_names_the_extra(found, monkeypatch):
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(RuntimeError, match=r"clinicalbert_tf\[report\]"):
        inspection_report.png(found)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
