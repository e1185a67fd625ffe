"""Curves as SVG: parsed, and compared with where the values belong."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from clinicalbert_tf.report.chart import Line, draw, write_number, write_percent, write_short
from clinicalbert_tf.report.curves import Points

TRAINING = Points(
    np.array([10, 20, 30, 40]),
    np.array([8.0, 6.0, 5.0, 4.0]),
    np.array([7.5, 5.5, 4.5, 3.9]),
    np.array([8.5, 6.5, 5.5, 4.1]),
)
EVALUATION = Points(np.array([20, 40]), *[np.array([7.0, 5.0])] * 3)


def drawn(*lines):
    return ElementTree.fromstring(draw("Loss <a>", lines, write_number))


def places(element):
    return [tuple(map(float, pair.split(","))) for pair in element.get("points").split()]


def test_curve_lies_where_its_values_belong():
    svg = drawn(Line("training", TRAINING, "training"))
    (line,) = svg.findall("polyline")
    x, y = np.array(places(line)).T
    np.testing.assert_allclose(np.diff(x), np.diff(x)[0], atol=0.11)
    # Straight up: the same factor everywhere, greater values further up.
    scale = np.diff(y) / np.diff(TRAINING.mean)
    np.testing.assert_allclose(scale, scale[0], rtol=0.02)
    assert scale[0] < 0
    (band,) = svg.findall("polygon")
    assert len(places(band)) == 8
    labels = [text.text for text in svg.findall("text")]
    assert {"0", "40", "step"} <= set(labels)


def test_everything_lies_within_the_drawing():
    svg = drawn(
        Line("training", TRAINING, "training"), Line("evaluation", EVALUATION, "evaluation")
    )
    _, _, width, height = map(float, svg.get("viewBox").split())
    for element in [*svg.findall("polyline"), *svg.findall("polygon")]:
        for x, y in places(element):
            assert 0 <= x <= width and 0 <= y <= height


def test_evaluations_are_marked_and_say_their_value():
    svg = drawn(
        Line("training", TRAINING, "training"), Line("evaluation", EVALUATION, "evaluation")
    )
    marks = [mark.find("title").text for mark in svg.findall("circle")]
    assert marks == ["evaluation, step 20: 7", "evaluation, step 40: 5"]


def test_one_step_alone_can_be_seen():
    alone = Points(np.array([1]), *[np.array([2.5])] * 3)
    svg = drawn(Line("training", alone, "training"))
    assert len(svg.findall("circle")) == 1


def test_title_says_in_words_what_is_drawn():
    svg = drawn(Line("training", TRAINING, "training"))
    title = svg.find("title")
    assert svg.get("role") == "img" and svg.get("aria-labelledby") == title.get("id")
    assert title.text == "Loss <a>: training from 8 at step 10 to 4 at step 40."


@pytest.mark.parametrize("far_off", [1e6, -1e6])
def test_single_steps_far_off_do_not_flatten_the_curve(far_off):
    values = np.linspace(8, 4, 200)
    low, high = values.copy(), values.copy()
    (high if far_off > 0 else low)[3] = far_off
    points = Points(np.arange(1, 201), values, low, high)
    y = np.array(places(drawn(Line("training", points, "training")).find("polyline")))[:, 1]
    assert y.max() - y.min() > 100


def test_single_steps_far_off_are_drawn_at_the_edge_of_the_axis():
    low, mean, high = (np.linspace(8, 4, 200) for _ in range(3))
    low[100], high[3] = -1e6, 1e6
    svg = drawn(Line("training", Points(np.arange(1, 201), mean, low, high), "training"))
    edges = sorted(float(line.get("y1")) for line in svg.findall("line"))
    band = np.array(places(svg.find("polygon")))[:, 1]
    # There along the upper edge of the band, and back along the lower one.
    assert (band[3], band[399 - 100]) == (edges[0], edges[-1])
    assert band.min() == edges[0] and band.max() == edges[-1]


@pytest.mark.parametrize(
    ("last", "labels"), [(41, ["0", "20", "40"]), (40, ["0", "10", "20", "30", "40"])]
)
def test_axis_ends_at_the_last_step_which_round_numbers_do_not_pass(last, labels):
    points = Points(np.array([1, last]), *[np.array([8.0, 4.0])] * 3)
    svg = drawn(Line("training", points, "training"))
    (grid, *_) = svg.findall("line")
    assert places(svg.find("polyline"))[-1][0] == float(grid.get("x2"))
    shown = [text for text in svg.findall("text") if text.get("text-anchor") == "middle"]
    assert [text.text for text in shown] == labels
    assert float(shown[-1].get("x")) <= float(grid.get("x2"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (5.25, "5.25"), (0.0005, "0.0005"), (2e-5, "2e-5"), (5.123456, "5.123"),
     (97545.3, "97,545"), (100.0, "100"), (-3.5, "-3.5")],
)  # fmt: skip
def test_numbers_are_written_short(value, expected):
    assert write_number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (2500, "2500"), (20_000, "20k"), (1_500_000, "1.5M"), (750_000, "750k"),
     (1e6, "1M")],
)  # fmt: skip
def test_steps_and_rates_are_written_short(value, expected):
    assert write_short(value) == expected
    assert re.fullmatch(r"\d+(\.\d+)?%", write_percent(0.1234)) and write_percent(0.5) == "50%"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
