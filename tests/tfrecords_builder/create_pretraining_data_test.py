"""The reference script's command, against what the reference wrote."""

import shlex
import subprocess
import sys

import pytest
import tensorflow as tf
from absl import flags

from tests.support import GOLDEN, ROOT
from tfrecords_builder import create_pretraining_data
from tfrecords_builder.building import records

INPUT = ",".join(str(GOLDEN / "pretraining_data" / f"part_{part}.txt") for part in "ab")
CASED = [
    f"--vocab_file={GOLDEN}/vocab/cased.txt",
    "--do_lower_case=False",
    "--max_predictions_per_seq=22",
]
UNCASED = [
    f"--vocab_file={GOLDEN}/vocab/uncased.txt",
    "--max_seq_length=64",
    "--max_predictions_per_seq=10",
    "--dupe_factor=3",
    "--random_seed=7",
    "--short_seq_prob=0.3",
]
RUNS = {
    "cased_128": ([*CASED, "--dupe_factor=2"], ["cased_128"]),
    "cased_128_whole_word": (
        [*CASED, "--dupe_factor=2", "--do_whole_word_mask=True"],
        ["cased_128_whole_word"],
    ),
    "uncased_64": (UNCASED, ["uncased_64"]),
    "two_outputs": ([*CASED, "--dupe_factor=1"], ["two_outputs_0", "two_outputs_1"]),
}


def parse(arguments):
    flag_values = flags.FlagValues()
    create_pretraining_data.define_flags(flag_values)
    flag_values(["create_pretraining_data", *arguments])
    return create_pretraining_data.settings_from_flags(flag_values)


def examples(path, compression=""):
    dataset = tf.data.TFRecordDataset(str(path), compression_type=compression)
    return [tf.train.Example.FromString(record.numpy()) for record in dataset]


@pytest.mark.parametrize("run", RUNS)
def test_every_record_equals_the_references(run, tmp_path):
    arguments, outputs = RUNS[run]
    paths = [tmp_path / name for name in outputs]
    settings = parse(
        [*arguments, f"--input_file={INPUT}", f"--output_file={','.join(map(str, paths))}"]
    )
    total = create_pretraining_data.create_pretraining_data(settings)
    found = [examples(path) for path in paths]
    assert total == sum(map(len, found))
    for name, written in zip(outputs, found, strict=True):
        golden = examples(GOLDEN / "pretraining_data" / f"{name}.tfrecord.gz", "GZIP")
        assert len(written) == len(golden)
        for number, (record, expected) in enumerate(zip(written, golden, strict=True)):
            assert record == expected, f"record {number} of {name}"


def test_flags_have_the_references_defaults():
    settings = parse(["--input_file=a", "--output_file=b", "--vocab_file=c"])
    assert settings == create_pretraining_data.ReferenceSettings(
        input_file="a",
        output_file="b",
        vocab_file="c",
        do_lower_case=True,
        do_whole_word_mask=False,
        max_seq_length=128,
        max_predictions_per_seq=20,
        random_seed=12345,
        dupe_factor=10,
        masked_lm_prob=0.15,
        short_seq_prob=0.1,
    )


def test_a_glob_reads_its_files_by_name(tmp_path):
    for part in "ab":
        text = (GOLDEN / "pretraining_data" / f"part_{part}.txt").read_bytes()
        (tmp_path / f"part_{part}.txt").write_bytes(text)
    listed = parse([*CASED, f"--input_file={INPUT}", f"--output_file={tmp_path}/listed"])
    globbed = parse([*CASED, f"--input_file={tmp_path}/*.txt", f"--output_file={tmp_path}/globbed"])
    for settings in (listed, globbed):
        create_pretraining_data.create_pretraining_data(settings)
    assert (tmp_path / "listed").read_bytes() == (tmp_path / "globbed").read_bytes()


def test_an_existing_output_is_replaced_only_when_complete(tmp_path, monkeypatch):
    output = tmp_path / "out.tfrecord"
    output.write_bytes(b"before")
    settings = parse([*CASED, f"--input_file={INPUT}", f"--output_file={output}"])

    def fails(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(records.RecordWriter, "write", fails)
        with pytest.raises(OSError, match="No space"):
            create_pretraining_data.create_pretraining_data(settings)
    assert output.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["out.tfrecord"]
    create_pretraining_data.create_pretraining_data(settings)
    assert len(examples(output)) > 4000


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tfrecords_builder.create_pretraining_data", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"--input_file": "nothing-*.txt"}, "nothing-*.txt"),
        ({"--output_file": "no/such/folder/out"}, "no/such/folder"),
        ({"--vocab_file": "no_vocab.txt"}, "no_vocab.txt"),
    ],
)
def test_a_wrong_path_is_named_and_ends_with_an_error(change, named, tmp_path):
    arguments = {
        "--input_file": INPUT,
        "--output_file": str(tmp_path / "out"),
        "--vocab_file": f"{GOLDEN}/vocab/cased.txt",
    } | change
    done = command(*(f"{flag}={value}" for flag, value in arguments.items()))
    assert done.returncode != 0
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_next_command_is_one_for_a_shell(tmp_path):
    done = command(
        f"--input_file={INPUT}",
        f"--output_file={tmp_path}/my records,{tmp_path}/more",
        f"--vocab_file={GOLDEN}/vocab/cased.txt",
        "--do_lower_case=False",
        "--dupe_factor=1",
        "--max_seq_length=64",
        "--max_predictions_per_seq=10",
    )
    assert done.returncode == 0, done.stderr
    wrote, next_command, explanation = done.stdout.splitlines()
    assert wrote.startswith("Wrote ") and wrote.endswith(f"{tmp_path}/my records,{tmp_path}/more.")
    assert shlex.split(next_command) == [
        *("Next:", "python", "-m", "clinicalbert_tf.pretrain"),
        f"--input_file={tmp_path}/my records,{tmp_path}/more",
        f"--vocab_file={GOLDEN}/vocab/cased.txt",
        *("--max_seq_length=64", "--max_predictions_per_seq=10"),
        "--init_checkpoint=RELEASED_CHECKPOINT",
    ]
    assert explanation.startswith("(RELEASED_CHECKPOINT: ")


def test_only_blank_lines_are_an_error(tmp_path):
    (tmp_path / "blank.txt").write_text("\n \n\n")
    settings = parse([*CASED, f"--input_file={tmp_path}/blank.txt", f"--output_file={tmp_path}/o"])
    with pytest.raises(ValueError, match="only blank lines"):
        create_pretraining_data.create_pretraining_data(settings)


def test_help_lists_the_flags_with_their_defaults():
    done = command("--help")
    for text in ("--input_file", "--[no]do_whole_word_mask", "(default: '12345')", "a fraction"):
        assert text in done.stdout


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
