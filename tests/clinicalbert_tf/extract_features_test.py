import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from absl import flags

from clinicalbert_tf import extract_features_command
from tests import processes
from tests.support import GOLDEN

CHECKPOINT = GOLDEN / "tf1_checkpoint"
NOTES = GOLDEN / "notes" / "NOTEEVENTS.csv"
MODULE = ["-m", "clinicalbert_tf.extract_features"]


def run(*arguments):
    values = flags.FlagValues()
    extract_features_command.define_extraction_flags(values)
    values(["extract_features", *map(str, arguments)])
    return extract_features_command.extract_features(values)


def arguments(source, output):
    return [f"--input_file={source}", f"--output_file={output}", f"--init_checkpoint={CHECKPOINT}"]


def test_the_reference_command_line_gives_its_json_lines(tmp_path):
    source, output = tmp_path / "in.txt", tmp_path / "out.json"
    source.write_text("The patient was admitted.\nChest pain ||| No fever\n")
    closing = run(
        *arguments(source, output),
        "--layers=-1,-2",
        f"--bert_config_file={CHECKPOINT / 'bert_config.json'}",
        f"--vocab_file={CHECKPOINT / 'vocab.txt'}",
        "--do_lower_case=False",
        "--max_seq_length=32",
        "--batch_size=8",
        "--use_one_hot_embeddings=False",
        "--use_tpu=False",
    )
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["linex_index"] for line in lines] == [0, 1]
    tokens = [feature["token"] for feature in lines[1]["features"]]
    assert tokens.count("[SEP]") == 2 and tokens[0] == "[CLS]"
    layers = lines[0]["features"][0]["layers"]
    assert [layer["index"] for layer in layers] == [-1, -2]
    assert {len(layer["values"]) for layer in layers} == {48}
    assert closing.startswith(f"{output}: 2 rows")


def test_notes_and_their_sentences_become_vectors(tmp_path, capsys):
    run(*arguments(NOTES, tmp_path / "notes.npz"), "--pooling=max")
    run(*arguments(NOTES, tmp_path / "sentences.npz"), "--unit=sentence")
    with np.load(tmp_path / "notes.npz") as notes, np.load(tmp_path / "sentences.npz") as sentences:
        assert notes["note_id"].tolist() == [str(number) for number in range(1, 81)]
        assert set(notes["sentence"]) == {-1}
        of_first = sentences["sentence"][sentences["note_id"] == "1"]
        assert of_first.tolist() == list(range(len(of_first))) and len(of_first) > 5
        assert set(sentences["note_id"]) == set(notes["note_id"])
        assert len(sentences["vector"]) > 800
    printed = capsys.readouterr()
    assert "denied" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--use_tpu", "CPU or GPU, received --use_tpu"),
        ("--layers=-1,last", "received '-1,last'"),
        ("--stride=50", "--stride for vectors only, received 50"),
        ("--projector=p", "--projector.* JSON lines"),
        ("--output_file=none/out.npz", "no folder .*none"),
        ("--output_file=.", "received the folder"),
        ("--input_file=none.txt", r"none at none\.txt"),
        ("--text_column=body", "without body"),
    ],
)
def test_flags_that_cannot_work_are_refused_before_the_model_is_loaded(
    tmp_path, monkeypatch, flag, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.csv").write_text("note_id,text\n1,pain\n")
    monkeypatch.setattr(extract_features_command, "load_model", None)
    with pytest.raises((ValueError, OSError), match=message):
        run(*arguments("notes.csv", "out.jsonl"), flag)


def test_an_error_is_one_line_and_a_failing_exit_status(tmp_path):
    source = tmp_path / "notes.csv"
    source.write_text("id,body\n1,Confidentialword\n")
    ended = processes.run([*MODULE, *arguments(source, tmp_path / "out.npz")])
    assert ended.returncode == 1
    message = ended.stderr.splitlines()[-1]
    assert message.startswith("extract_features: ") and "without note_id and text" in message
    assert "Confidentialword" not in ended.stderr and "Traceback" not in ended.stderr


def test_help_lists_the_flags_without_starting_tensorflow():
    ended = subprocess.run([sys.executable, *MODULE, "--help"], capture_output=True, text=True)
    assert "--layers" in ended.stdout and "--pooling" in ended.stdout
    assert "contain the text's wordpieces" in " ".join(ended.stdout.split())
    assert "cuda" not in ended.stderr.lower()


@pytest.mark.large
def test_a_killed_run_started_again_gives_the_same_file(tmp_path):
    source = tmp_path / "in.txt"
    sentence = "The patient was admitted with chest pain and treated with aspirin . "
    with open(source, "w", encoding="utf-8") as file:
        for number in range(6000):
            file.write(sentence * (1 + number % 6) + f"{number}\n")
    whole, killed = tmp_path / "whole.npz", tmp_path / "killed.npz"
    run(*arguments(source, whole))
    command = [*MODULE, *arguments(source, killed)]
    process = processes.start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    parts = pathlib.Path(f"{killed}.parts")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if len(list(parts.glob("part-*[0-9]"))) >= 2:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not killed.exists()
    ended = processes.run(command)
    assert ended.returncode == 0, ended.stderr
    resumed = int(ended.stdout.split("rows (")[1].split()[0])
    assert 0 < resumed < 6000
    assert not parts.exists() and sorted(os.listdir(tmp_path)) == [
        "in.txt",
        "killed.npz",
        "whole.npz",
    ]
    with np.load(whole) as first, np.load(killed) as second:
        np.testing.assert_array_equal(first["note_id"], second["note_id"])
        np.testing.assert_allclose(first["vector"], second["vector"], atol=1e-6, rtol=0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
