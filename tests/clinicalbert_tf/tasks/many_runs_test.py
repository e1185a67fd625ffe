"""Several runs: the grid of a sweep file, figures over runs, finished runs."""

import pytest

from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from clinicalbert_tf.tasks.many_runs import as_table, over_runs, read_grid, run_all, run_name


def grid(tmp_path, text):
    path = tmp_path / "sweep.flags"
    path.write_text(text)
    return read_grid(str(path), ClassificationSettings)


def test_every_combination_once(tmp_path):
    made = grid(
        tmp_path,
        "# the paper's\n--learning_rate=2e-5, 3e-5\n\n--train_batch_size=16,32 # both\n"
        "--optimizer=reference\n",
    )
    assert made == [
        {"learning_rate": rate, "train_batch_size": size, "optimizer": "reference"}
        for rate in (2e-5, 3e-5)
        for size in (16, 32)
    ]
    assert len({run_name(choice) for choice in made}) == 4
    assert run_name(made[0]) == "learning_rate=2e-05,train_batch_size=16,optimizer=reference"


@pytest.mark.parametrize(
    "text",
    ["", "--nonsense=1\n", "learning_rate=1\n", "--seed=a\n", "--seed=1\n--seed=2\n", "--seed=\n",
     "--recompute=yes\n"],
)  # fmt: skip
def test_wrong_files_are_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"sweep\.flags"):
        grid(tmp_path, text)
    with pytest.raises(FileNotFoundError, match="--sweep"):
        read_grid(str(tmp_path / "none"), ClassificationSettings)


def test_figures_over_runs():
    found = over_runs([0.8, None, 0.9, 1.0])
    assert (found["runs"], found["mean"], found["min"], found["max"]) == (
        3, pytest.approx(0.9), 0.8, 1.0,
    )  # fmt: skip
    assert found["std"] == pytest.approx(0.1)
    assert over_runs([0.5])["std"] == 0.0
    assert over_runs([None]) is None


@pytest.mark.large
def test_finished_runs_are_not_repeated():
    made = []

    def run(settings):
        made.append(settings)
        return {"from": settings}

    found = run_all({"a": 1, "b": 2}, run, lambda settings: {"left": 1} if settings == 1 else None)
    assert found == {"a": {"left": 1}, "b": {"from": 2}}
    assert made == [2]


def test_table():
    assert as_table([{"a": 1, "b": None}, {"a": 2, "b": 0.5}]) == "a\tb\n1\t\n2\t0.5\n"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
