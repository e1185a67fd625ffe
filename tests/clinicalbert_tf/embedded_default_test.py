"""The embedded default under several workers: the chief makes the data, the others wait."""

import threading

import pytest

from clinicalbert_tf import embedded_default
from clinicalbert_tf.embedded_default import await_chief, prepare


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(embedded_default, "TRAINING_NOTES", 20)
    monkeypatch.setattr(embedded_default, "HELD_OUT_NOTES", 4)
    monkeypatch.setattr(embedded_default, "VOCABULARY_ROWS", 200)


def test_other_workers_wait_for_the_chief_and_have_its_settings(tiny, tmp_path):
    given = {"output_dir": str(tmp_path), "strategy": "multi_worker", "num_train_steps": 7}
    waited = []
    waiting = threading.Thread(target=lambda: waited.append(await_chief(given)))
    waiting.start()
    made = prepare(given)
    waiting.join(60)
    assert waited == [made]
    assert made.num_train_steps == 7
    assert made.input_file == str(tmp_path / "data" / "train")
    assert (tmp_path / "data" / "held_out" / "manifest.json").exists()


def test_data_that_does_not_come_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded_default, "SECONDS_TO_MAKE", 0.1)
    with pytest.raises(FileNotFoundError, match=r"within 0\.1 s, found none.*same --output_dir"):
        await_chief({"output_dir": str(tmp_path)})
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
