"""The report at the end of a run, whatever the end."""

import pytest

from clinicalbert_tf.report.page import write_report
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.training.preemption import Interrupted
from clinicalbert_tf.training.states.folder_lock import FolderInUseError
from clinicalbert_tf.training.watching.outcome import reported


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    return PretrainingSettings(input_file="a", output_dir=str(tmp_path))


class Made(list):
    """The folders that a report was written of."""

    def __call__(self, folder):
        self.append(folder)
        return "report.html"


@pytest.fixture
def made():
    return Made()


def test_report_is_made_after_the_run(settings, made):
    with reported(settings, True, made):
        assert made == []
    assert made == [settings.output_dir]


@pytest.mark.parametrize("error", [ArithmeticError("NaN"), Interrupted("SIGTERM")])
def test_report_is_made_after_an_error_too(settings, made, error):
    with pytest.raises(type(error)), reported(settings, True, made):
        raise error
    assert made == [settings.output_dir]


def test_folder_of_another_process_is_left_alone(settings, made):
    with pytest.raises(FolderInUseError), reported(settings, True, made):
        raise FolderInUseError("in use")
    assert made == []


def test_only_the_chief_makes_one_and_only_where_there_is_a_run(settings, made, tmp_path):
    with reported(settings, False, made):
        pass
    (tmp_path / "run.json").unlink()
    with reported(settings, True, made):
        pass
    assert made == []


def test_report_that_cannot_be_written_hides_nothing(settings, tmp_path, caplog):
    (tmp_path / "run.json").write_text("{")
    with (
        caplog.at_level("WARNING", logger="absl"),
        pytest.raises(ArithmeticError, match="NaN"),
        reported(settings, True, write_report),
    ):
        raise ArithmeticError("NaN")
    assert "python -m clinicalbert_tf.report" in caplog.text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
