import os
import shutil

import pytest

from clinicalbert_tf.convert_checkpoint_command import paths
from tests import processes
from tests.support import GOLDEN

CHECKPOINT = GOLDEN / "tf1_checkpoint"


def command(*arguments, cwd):
    return processes.run(["-m", "clinicalbert_tf.convert_checkpoint", *arguments], cwd=cwd)


def test_help_lists_formats_flags_and_what_tokenization_in_the_graph_is(tmp_path):
    shown = command("--help", cwd=tmp_path).stdout
    for part in ("tf1|huggingface|keras|saved_model|onnx", "--max_seq_length", "ASCII", "tokens"):
        assert part in shown


def test_newest_run_is_the_default_and_a_missing_one_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"SOURCE and TARGET.*clinicalbert_tf\.pretrain"):
        paths([], "tf1")
    for age, name in enumerate(("pretrain-b", "pretrain-a")):
        shutil.copytree(CHECKPOINT, tmp_path / "runs" / name)
        os.utime(tmp_path / "runs" / name, (1000 + age, 1000 + age))
    source, target = paths([], "keras")
    assert source == os.path.join("runs", "pretrain-a")
    assert target == os.path.join("exports", "pretrain-a-keras")
    assert paths(["a", "b"], "tf1") == ("a", "b")
    with pytest.raises(ValueError, match=r"SOURCE and TARGET, or none, received 1"):
        paths(["a"], "tf1")


@pytest.mark.large
def test_command_says_what_it_wrote_and_what_to_run_next(tmp_path):
    done = command(CHECKPOINT, "made", "--format=huggingface", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert f"{tmp_path / 'made'}: 62 arrays of {CHECKPOINT}" in first and "cased" in first
    assert "transformers" in last and str(tmp_path / "made") in last
    again = command(CHECKPOINT, "made", "--format=huggingface", cwd=tmp_path)
    assert again.returncode == 1 and again.stdout == ""
    assert again.stderr.splitlines()[-1].startswith(
        "convert_checkpoint: Expected no file or folder"
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
