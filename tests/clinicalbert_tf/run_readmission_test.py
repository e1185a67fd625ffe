"""The command: flags of the reference, folders of the data, errors; the embedded default."""

import json

import pytest

from tests import processes


def run(*flags, cwd):
    return processes.run(["-m", "clinicalbert_tf.run_readmission", *flags], cwd=cwd)


@pytest.mark.large
def test_embedded_default_finds_the_planted_signal(tmp_path):
    flags = "--num_train_epochs=1", "--peak_tflops=1", "--bootstrap=100"
    done = run("--output_dir=run", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    test = metrics["test"]
    assert test["auroc"] > 0.75 and test["intervals"]["auroc"][0] > 0.6
    assert test["intervals_draw"] == "groups"
    assert "test by admission: AUROC" in done.stdout and "admissions flagged" in done.stdout
    assert "TF-IDF baseline" in done.stdout
    # TensorFlow's message about a pipeline that it had to change.
    assert "NodeDef mentions attribute" not in done.stderr
    assert "python -m clinicalbert_tf.datasets.readmission" in done.stdout
    report = (tmp_path / "run" / "report.html").read_text()
    assert all(f"<h3>{title}</h3>" in report for title in ("ROC", "Reliability"))
    # Nothing planted was read.
    for path in (tmp_path / "run" / "data" / "early_3").iterdir():
        assert "planted leak" not in path.read_text()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--data_dir=none"], "none/discharge"),
        (["--data_dir=none", "--readmission_mode=early"], "none/early_3"),
        (["--data_dir=none", "--task_name=diagnosis"], "none/diagnosis"),
        (["--data_dir=none", "--task_name=mednli"], "--task_name to be one of readmission"),
        (["--data_dir=d", "--bert_model=bert-base-uncased"], "nothing is downloaded here"),
    ],
)
def test_error_is_one_message(tmp_path, flags, words):
    done = run(*flags, "--no_cuda", "--local_rank=-1", cwd=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
