"""The tables of a report."""

import dataclasses

import numpy as np
import pytest

from clinicalbert_tf.report import tables
from clinicalbert_tf.report.events import Curve
from clinicalbert_tf.report.run_folder import read_run_folder


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (90_000, "1 d 1 h")],
)
def test_durations_are_written_in_two_units(seconds, expected):
    assert tables.write_seconds(seconds) == expected


def test_of_many_evaluations_the_last_are_listed(run_folder):
    steps = np.arange(1, 101)
    curve = Curve(steps, steps / 10)
    run = dataclasses.replace(
        read_run_folder(str(run_folder)), evaluation={"loss": curve, "masked_lm_accuracy": curve}
    )
    text = tables.evaluation(run)
    assert "The last 40 of 100" in text
    assert text.count("<tr>") == 41
    assert ">61<" in text and ">60<" not in text and "1000.00%" in text


def test_what_is_none_is_left_out_and_the_rest_escaped():
    text = tables.names_and_values("A & B", {"x": None, "<y>": [1, "z"], "big": 10_000})
    assert "A &amp; B" in text and "&lt;y&gt;" in text and ">x<" not in text
    assert "<td>1, z</td>" in text and "<td>10,000</td>" in text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
