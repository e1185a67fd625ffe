"""Seeds and sweeps: finished runs are not repeated, the best on dev is tested once."""

import json
import os

import pytest

from clinicalbert_tf.tasks.classification import several
from clinicalbert_tf.tasks.classification.run import prepare, read_data

pytestmark = pytest.mark.large


@pytest.fixture
def counted(monkeypatch):
    """Folders of the runs that are made."""
    made, real = [], several.run_classification

    def run(prepared, **kwargs):
        made.append((os.path.basename(prepared.settings.output_dir), prepared.evaluated))
        return real(prepared, **kwargs)

    monkeypatch.setattr(several, "run_classification", run)
    return made


def read(folder, name="metrics.json"):
    with open(os.path.join(folder, name)) as file:
        return json.load(file)


def test_seeds_are_put_together_and_not_repeated(pair_settings, tmp_path, counted):
    folder = str(tmp_path / "out")
    given = {**pair_settings, "output_dir": folder, "num_train_epochs": 1.0, "bootstrap": 0}
    prepared = prepare(given, read_data(given))
    several.run_seeds(prepared, [1, 2])
    assert [name for name, _ in counted] == ["seed-1", "seed-2"]
    several.run_seeds(prepared, [1, 2])
    assert len(counted) == 2
    metrics = read(folder)
    values = [read(os.path.join(folder, f"seed-{n}"))["test"]["accuracy"] for n in (1, 2)]
    over = metrics["over_runs"]["test"]["accuracy"]
    assert over["values"] == values and over["mean"] == pytest.approx(sum(values) / 2)
    best = max((1, 2), key=lambda n: (metrics["seeds"][str(n)]["dev"]["f1_macro"], -n))
    assert metrics["chosen_seed"] == best
    assert metrics["test"]["accuracy"] == values[best - 1]
    assert metrics["failed_runs"] in (0, 1, 2)
    assert os.path.isfile(os.path.join(folder, "best", "labels.json"))
    with open(os.path.join(folder, "predictions_test.jsonl")) as file:
        assert len(file.readlines()) == 17


def test_sweep_chooses_on_dev_and_tests_once(pair_settings, tmp_path, counted):
    folder = str(tmp_path / "out")
    grid = tmp_path / "sweep.flags"
    grid.write_text("--learning_rate=1e-3,1e-9\n")
    given = {**pair_settings, "output_dir": folder, "num_train_epochs": 1.0, "bootstrap": 0}
    data = read_data(given)
    several.run_sweep(given, data, str(grid))
    assert [evaluated for _, evaluated in counted] == [("dev",), ("dev",), ("test",)]
    metrics = read(folder)
    chosen = metrics["sweep"]["chosen"]
    dev = read(os.path.join(folder, "sweep", chosen))
    assert metrics["dev"]["f1_macro"] == dev["dev"]["f1_macro"]
    assert "test" not in dev and metrics["test"]["rows"] == 17
    assert metrics["decision"] == dev["decision"]
    with open(os.path.join(folder, "sweep.tsv")) as file:
        assert file.readline() == "learning_rate\tdev_f1_macro\n"
    with open(os.path.join(folder, "sweep.svg")) as file:
        assert file.read().count("<rect") == 2
    del counted[:]
    several.run_sweep(given, data, str(grid))
    assert [evaluated for _, evaluated in counted] == [("test",)]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
