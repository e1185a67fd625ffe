import subprocess
import sys

import pytest
from absl import flags

from clinicalbert_tf import fill_mask_command
from tests.support import GOLDEN

CHECKPOINT = str(GOLDEN / "tf1_checkpoint")
NOTES = GOLDEN / "notes" / "NOTEEVENTS.csv"


def parse(*arguments):
    values = flags.FlagValues()
    fill_mask_command.define_fill_mask_flags(values)
    values(["fill_mask", *arguments])
    return values


def test_words_of_each_mask_are_printed_with_descending_probabilities(capsys):
    values = parse(f"--checkpoint={CHECKPOINT}", "--top_k=3")
    fill_mask_command.print_words(["Given [MASK] for [MASK].", "No [MASK]."], values)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "text 1, [MASK] 1 of 2",
        "text 1, [MASK] 2 of 2",
        "text 2, [MASK] 1 of 1",
    ]
    for start in (1, 5, 9):
        probabilities = [float(line.split()[0]) for line in lines[start : start + 3]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0 < probabilities[-1] < 1


def test_perplexities_are_written_per_note_and_overall(tmp_path, capsys):
    output = tmp_path / "perplexity.tsv"
    values = parse(
        f"--checkpoint={CHECKPOINT}",
        f"--perplexity={NOTES}",
        "--sample_tokens=2",
        "--max_seq_length=32",
        f"--output_file={output}",
    )
    closing = fill_mask_command.score_file(values)
    lines = [line.split("\t") for line in output.read_text().splitlines()]
    assert lines[0][:3] == ["note_id", "tokens", "scored_tokens"]
    assert [line[0] for line in lines[1:]] == [*map(str, range(1, 81)), "overall"]
    assert lines[-1][2] == "160"
    assert float(lines[-1][3]) == pytest.approx(
        sum(float(line[3]) for line in lines[1:-1]), abs=1e-3
    )
    # A model with random weights guesses among 1,200 wordpieces.
    assert 600 < float(lines[-1][4]) < 3000
    assert output.stat().st_mode & 0o777 == 0o600
    printed = capsys.readouterr()
    assert "over 160 of" in closing and "denied" not in printed.out + printed.err


def test_a_file_without_a_wordpiece_is_refused_and_leaves_no_output(tmp_path):
    (tmp_path / "empty.txt").write_text("\n\n")
    values = parse(
        f"--checkpoint={CHECKPOINT}",
        f"--perplexity={tmp_path / 'empty.txt'}",
        f"--output_file={tmp_path / 'out.tsv'}",
    )
    with pytest.raises(ValueError, match=r"a wordpiece to score in .*empty\.txt"):
        fill_mask_command.score_file(values)
    assert [path.name for path in tmp_path.iterdir()] == ["empty.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["She was [MASK] home."], "python -m clinicalbert_tf.pretrain --strategy mirrored"),
        (["She was [MASK] home.", "--perplexity=notes.txt"], "received both"),
        (["--perplexity=none.txt"], "found none at none.txt"),
    ],
)
def test_a_wrong_command_says_what_to_do_and_fails(tmp_path, arguments, message):
    ended = subprocess.run(
        [sys.executable, "-m", "clinicalbert_tf.fill_mask", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(GOLDEN.parents[1]), "PATH": ""},
    )
    assert ended.returncode == 1
    assert message in ended.stderr and "Traceback" not in ended.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
