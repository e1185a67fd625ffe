import contextlib
import csv
import os
import re
import shlex
import sqlite3
import stat
import subprocess
import sys

import pytest
from absl import flags

from tests.support import GOLDEN
from tfrecords_builder import vocabulary
from tfrecords_builder.text.wordpieces import vocabulary_learning, word_counts
from tfrecords_builder.text.wordpieces.word_counts import count_words
from tfrecords_builder.tokenization import SPECIAL_TOKENS, BertTokenizer, load_vocabulary
from tfrecords_builder.vocabulary import extend_vocabulary, learn_vocabulary, write_vocabulary

NOTEEVENTS = GOLDEN / "notes" / "NOTEEVENTS.csv"


def golden_texts():
    with open(NOTEEVENTS, encoding="utf-8", newline="") as file:
        return [row["TEXT"] for row in csv.DictReader(file)]


def run_command(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(GOLDEN.parents[1])}
    return subprocess.run(
        [sys.executable, "-m", "tfrecords_builder.vocabulary", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        check=False,
    )


def write_rows(path, rows):
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("do_lower_case", [False, True])
def test_learned_vocabulary_covers_the_golden_notes(tmp_path, do_lower_case):
    texts = golden_texts()
    rows = learn_vocabulary(texts, 1000, do_lower_case)
    assert len(rows) == len(set(rows)) == 1000
    assert rows[:5] == list(SPECIAL_TOKENS)
    path = tmp_path / "vocab.txt"
    write_vocabulary(str(path), rows)
    tokenizer = BertTokenizer(str(path), do_lower_case)
    ids, _ = tokenizer.encode_lines(texts)
    assert (ids == tokenizer.unk_id).mean() < 0.001
    # A thousand rows make words of these notes shorter than characters, by far.
    words = sum(count_words(texts, do_lower_case).occurrences.values())
    assert ids.size < 1.5 * words
    assert any(row != row.lower() for row in rows[5:]) == (not do_lower_case)


def test_same_texts_give_the_same_vocabulary_in_another_process(tmp_path):
    expected = learn_vocabulary(golden_texts(), 1500, do_lower_case=False)
    for number in range(2):
        output = f"vocab{number}.txt"
        arguments = ("--input", str(NOTEEVENTS), "--size=1500", "--output", output)
        ran = run_command(*arguments, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        assert list(load_vocabulary(str(tmp_path / output))) == expected


def test_order_of_notes_does_not_matter():
    texts = golden_texts()
    assert learn_vocabulary(texts[::-1], 900, True) == learn_vocabulary(texts, 900, True)


def test_pieces_are_merged_by_frequency():
    # "ab" stands 12 times and "abc" 6 times: merged in this order, "xy" (5) after them.
    texts = ["ab ab abc xy"] * 5 + ["abc ab"]
    rows = learn_vocabulary(texts, 100, do_lower_case=False)
    letters = ["a", "b", "c", "x", "y"]
    assert rows == [*SPECIAL_TOKENS, *letters, *(f"##{c}" for c in letters), "ab", "abc", "xy"]
    assert learn_vocabulary(texts, 16, do_lower_case=False) == rows[:16]


def test_poor_text_gives_fewer_rows_and_says_so(caplog):
    with caplog.at_level("WARNING"):
        rows = learn_vocabulary(["ab"] * 5, 100, do_lower_case=False)
    assert rows == [*SPECIAL_TOKENS, "a", "b", "##a", "##b", "ab"]
    assert "10 wordpieces, fewer than the 100 asked for" in caplog.text


def test_words_of_few_notes_stay_out_however_frequent():
    texts = ["stable " + "Quackenbush " * 100] * 4 + ["stable"] * 4
    rows = learn_vocabulary(texts, 500, do_lower_case=False)
    assert "stable" in rows
    # Nothing longer than one character comes from the rare word; its characters are kept.
    pieces = [row.removeprefix("##") for row in rows[5:]]
    assert all(len(piece) == 1 or piece in "stable" for piece in pieces)
    assert "Quackenbush" in learn_vocabulary(texts, 500, do_lower_case=False, min_count=4)


def test_characters_of_rare_words_are_kept_where_common_in_sum(tmp_path):
    texts = [f"pain zone{letter}" for letter in "abcdefgh"] + ["pain \u2264"]
    rows = learn_vocabulary(texts, 500, do_lower_case=False)
    path = str(tmp_path / "vocab.txt")
    write_vocabulary(path, rows)
    tokenizer = BertTokenizer(path, do_lower_case=False)
    assert tokenizer.tokenize("zone") == ["z", "##o", "##n", "##e"]
    assert tokenizer.tokenize("\u2264") == ["[UNK]"]


def test_lone_surrogates_are_left_out():
    rows = learn_vocabulary(["pain \ud800x \ud800"] * 5, 500, do_lower_case=False)
    assert "pain" in rows
    assert not any("\ud800" in row for row in rows)


def test_frequent_words_are_scaled_and_kept_in_order(monkeypatch):
    texts = ["to to to to be be be not"] * 8
    expected = learn_vocabulary(texts, 100, do_lower_case=False)
    monkeypatch.setattr(vocabulary_learning, "TRAINED_OCCURRENCES", 16)
    monkeypatch.setattr(vocabulary_learning, "OCCURRENCES_A_LINE", 3)
    assert learn_vocabulary(texts, 100, do_lower_case=False) == expected
    counts = count_words(texts, do_lower_case=False)
    lines = list(vocabulary_learning.repeat_words(["be", "not", "to"], counts.occurrences))
    assert lines == ["be be be", "be be be", "not not", "to to to", "to to to", "to to"]


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [
        ([], 100, "at least 5 notes each, received 0 notes"),
        (["pain"] * 4, 100, "at least 5 notes each, received 4 notes"),
        (["pain"] * 5, 12, "size of at least 13 rows .* received 12"),
    ],
)
def test_too_few_notes_or_rows_is_an_error(texts, size, message):
    with pytest.raises(ValueError, match=message):
        learn_vocabulary(texts, size, do_lower_case=False)


def test_words_are_counted_by_occurrence_and_by_note():
    counts = count_words(["Pain, pain; Caf\u00e9", "", "pa\x1cin. cafe cafe"], do_lower_case=True)
    assert counts.notes_read == 3
    assert counts.occurrences == {"pain": 3, "cafe": 3, ",": 1, ";": 1, ".": 1}
    assert counts.notes == {"pain": 2, "cafe": 2, ",": 1, ";": 1, ".": 1}


def test_memory_for_words_is_bounded_and_frequent_words_stay(monkeypatch, caplog):
    counting = word_counts.WordCounts()
    monkeypatch.setattr(word_counts, "WordCounts", lambda: counting)
    sizes = []

    def watched_texts():
        for number in range(1000):
            yield f"often seldom{number // 2} rare{number}"
            sizes.append(len(counting.notes))

    with caplog.at_level("WARNING"):
        counts = count_words(watched_texts(), do_lower_case=False, max_words=100)
    assert counts.notes["often"] == counts.occurrences["often"] == 1000
    assert 75 <= max(sizes) <= 100
    assert set(counts.notes) == set(counts.occurrences)
    assert "More than 100 different words" in caplog.text


@pytest.fixture
def released_vocabulary(tmp_path):
    letters = "abcdefghijklmnopqrstuvwxyz"
    rows = [
        *("[PAD]", "[unused1]", "[unused2]", "[unused3]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
        *(*letters, *(f"##{c}" for c in letters), "pain", "1", "##1", ".", "[unused99]"),
    ]
    return write_rows(tmp_path / "released.txt", rows), rows


def test_extension_fills_unused_rows_with_the_most_useful_words(released_vocabulary):
    path, rows = released_vocabulary
    # saved x times: fever 4x5=20, metoprolol 9x10=90, 11111 no letter, pain saves none,
    # "µg" is [UNK]: 2x5=10 and "\u2264" 1x5=5.
    texts = ["fever metoprolol metoprolol 11111 11111 pain . \u00b5g \u2264"] * 5
    texts += ["pneumonia"] * 4
    extended = extend_vocabulary(path, texts, add=3)
    assert extended[1:4] == ["metoprolol", "fever", "\u00b5g"]
    assert extended[:1] + extended[4:] == rows[:1] + rows[4:]
    every = extend_vocabulary(path, texts)
    assert (every[1:4], every[-1]) == (extended[1:4], "\u2264")
    assert every[4:-1] == rows[4:-1]
    assert "pneumonia" in extend_vocabulary(path, texts, min_count=4)


def test_extension_with_fewer_rows_or_words_than_asked_says_so(released_vocabulary, caplog):
    path, rows = released_vocabulary
    with caplog.at_level("WARNING"):
        extended = extend_vocabulary(path, ["fever chills"] * 5, add=500)
    assert extended[1:4] == ["chills", "fever", "[unused3]"]
    assert len(extended) == len(rows)
    assert "2 words added of 500 asked for" in caplog.text
    assert "has 4 [unused] rows, the notes 2 useful words" in caplog.text


def test_extension_follows_the_casing_of_the_vocabulary(released_vocabulary, tmp_path, caplog):
    path, _ = released_vocabulary
    assert extend_vocabulary(path, ["Fever"] * 5, add=1)[1] == "fever"
    assert extend_vocabulary(path, ["Fever"] * 5, add=1, do_lower_case=False)[1] == "Fever"
    assert "do_lower_case=False was given" in caplog.text
    small = write_rows(tmp_path / "small.txt", [*SPECIAL_TOKENS, "[unused1]", "a"])
    with pytest.raises(ValueError, match="shows its casing"):
        extend_vocabulary(small, ["Fever"] * 5)
    assert extend_vocabulary(small, ["Fever"] * 5, do_lower_case=False)[5] == "Fever"


def test_extension_without_unused_rows_is_an_error():
    with pytest.raises(ValueError, match=r"expected \[unused\] rows to fill, received none"):
        extend_vocabulary(str(GOLDEN / "vocab" / "cased.txt"), ["fever"] * 5)


def test_written_vocabulary_is_private_and_read_back(tmp_path):
    rows = [*SPECIAL_TOKENS, "a", "", "", "\u00e9"]
    path = tmp_path / "folder" / "vocab.txt"
    write_vocabulary(str(path), rows)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_vocabulary(str(path)) == {token: i for i, token in enumerate(rows) if token}
    assert os.listdir(path.parent) == ["vocab.txt"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a", "b", "a"], "line 3 equal to line 1"),
        (["a", " b"], "received another in line 2"),
        (["a", "b\nc"], "received another in line 2"),
        (["a", ""], "in the last row, received none"),
        ([], "in the last row, received none"),
    ],
)
def test_unsound_rows_are_not_written(tmp_path, rows, message):
    path = tmp_path / "vocab.txt"
    path.write_text("before")
    with pytest.raises(ValueError, match=message):
        write_vocabulary(str(path), rows)
    assert path.read_text() == "before"


def test_texts_come_from_notes_and_from_sentence_files(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.TXT"
    first.write_text("One .\nTwo .\n\n\nThree .\n\n", encoding="utf-8")
    second.write_text("Four .", encoding="utf-8")
    patterns = [str(tmp_path / "*"), str(NOTEEVENTS)]
    texts = list(vocabulary.read_texts(patterns))
    assert texts[:3] == ["One .\nTwo .", "Three .", "Four ."]
    assert 0 < len(texts) - 3 <= 80
    assert set(texts[3:]) <= set(golden_texts())
    with pytest.raises(FileNotFoundError, match=re.escape("absent*.txt")):
        list(vocabulary.read_texts(["absent*.txt"]))


def test_sentence_file_that_is_not_utf8_is_an_error_naming_the_line(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"Caf\xc3\xa9 .\nfi\xe8vre Quackenbush\n")
    with pytest.raises(ValueError, match=r"latin\.txt, line 2: .* at byte 3") as caught:
        list(vocabulary.read_texts([str(path)]))
    assert "Quackenbush" not in str(caught.value)


def test_flags_become_settings():
    values = flags.FlagValues()
    vocabulary.define_flags(values)
    values(["program", "--input=a.csv,b/*.txt", "--size=300", "--do_lower_case=False"])
    settings = vocabulary.settings_from_flags(values)
    assert settings.input == ("a.csv", "b/*.txt")
    assert (settings.size, settings.do_lower_case, settings.min_count) == (300, False, 5)
    assert (settings.extend, settings.add, settings.overwrite) == (None, None, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--add=5"], "Expected --extend with --add, received --add=5 alone"),
        (["--extend=v.txt", "--size=28996"], "Expected --size or --extend, received both"),
    ],
)
def test_flags_without_effect_are_errors(arguments, message):
    values = flags.FlagValues()
    vocabulary.define_flags(values)
    values(["program", *arguments])
    with pytest.raises(ValueError, match=message):
        vocabulary.settings_from_flags(values)


def test_input_may_be_given_several_times_and_a_query_has_commas_of_its_own():
    values = flags.FlagValues()
    vocabulary.define_flags(values)
    query = "sqlite:///mimic.db#SELECT note_id, text FROM n"
    values(["program", "--input=a.csv, b", f"--input={query}"])
    assert vocabulary.settings_from_flags(values).input == ("a.csv", "b", query)
    values = flags.FlagValues()
    vocabulary.define_flags(values)
    values(["program"])
    assert vocabulary.settings_from_flags(values).input == ()


def test_command_learns_from_a_query_and_shows_no_password(tmp_path):
    pytest.importorskip("sqlalchemy")
    words = "pain fever cough chest heart"
    with contextlib.closing(sqlite3.connect(tmp_path / "mimic.db")) as database:
        database.execute("CREATE TABLE n (note_id, text)")
        database.executemany("INSERT INTO n VALUES (?, ?)", [(i, words) for i in range(5)])
        database.commit()
    (tmp_path / "more").mkdir()
    for number in range(5):
        (tmp_path / "more" / f"{number}.txt").write_text("lung liver", encoding="utf-8")
    url = f"sqlite:///{tmp_path}/mimic.db#SELECT note_id, text FROM n"
    ran = run_command(f"--input={url}", "--input=more", "--size=200", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    rows = load_vocabulary(str(tmp_path / "vocab.txt"))
    assert {*words.split(), "lung", "liver"} <= rows.keys()
    assert f"--input={shlex.quote(url)} --input=more --vocab_file" in ran.stdout
    shown = vocabulary.input_flags(("postgresql://me:hidden@host/mimic#SELECT 1", "a b.csv"))
    assert "hidden" not in shown
    assert shown.endswith("--input='a b.csv' ")


def test_command_extends_and_does_not_replace_by_accident(released_vocabulary, tmp_path):
    path, rows = released_vocabulary
    arguments = ("--input", str(NOTEEVENTS), "--extend", path, "--add=2", "--output=new.txt")
    ran = run_command(*arguments, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert f"Wrote {len(rows)} wordpieces to new.txt" in ran.stdout
    made = (tmp_path / "new.txt").read_text(encoding="utf-8").splitlines()
    changed = [line for line, pair in enumerate(zip(made, rows, strict=True)) if pair[0] != pair[1]]
    assert changed == [1, 2]
    again = run_command(*arguments, cwd=tmp_path)
    assert again.returncode == 1
    assert "new.txt, which exists" in again.stderr
    assert run_command(*arguments, "--overwrite", cwd=tmp_path).returncode == 0


def test_command_without_input_uses_the_embedded_default_and_says_so(tmp_path):
    ran = run_command("--size=1000", "--output=my vocab.txt", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "embedded default, 500 invented notes" in ran.stdout
    next_command = "python -m tfrecords_builder --vocab_file 'my vocab.txt' --do_lower_case=False "
    assert next_command in ran.stdout
    rows = list(load_vocabulary(str(tmp_path / "my vocab.txt")))
    assert len(rows) == 1000
    assert {"patient", "the"} <= set(rows)


def test_command_errors_are_one_line_and_show_no_text(tmp_path):
    (tmp_path / "one.txt").write_text("Quackenbush complains of pain .\n", encoding="utf-8")
    ran = run_command("--input=one.txt", cwd=tmp_path)
    assert ran.returncode == 1
    assert "received 1 notes without such a word" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Quackenbush" not in ran.stderr + ran.stdout
    assert sorted(os.listdir(tmp_path)) == ["one.txt"]


def test_help_lists_the_flags_and_warns_about_patients_words(tmp_path):
    ran = run_command("--help", cwd=tmp_path)
    for name in ("input", "size", "output", "do_lower_case", "extend", "add", "min_count"):
        assert f"--{name}" in ran.stdout or f"--[no]{name}" in ran.stdout
    assert "holds words of patients' notes" in " ".join(ran.stdout.split())


def test_import_needs_no_tensorflow():
    code = (
        "import sys, tfrecords_builder.vocabulary as v; list(v.read_texts([]));"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_alphabet_of_thousands_of_characters_is_kept_whole():
    ideographs = [chr(0x4E00 + number) for number in range(3000)]
    rows = learn_vocabulary(["".join(ideographs)] * 5, 4000, do_lower_case=True)
    assert set(ideographs) < set(rows)
    # Ideographs stand alone, so none of them continues a word.
    assert len(rows) == 5 + 3000
    with pytest.raises(ValueError, match=r"at least 3005 rows .* 3000 single .* Raise --size to"):
        learn_vocabulary(["".join(ideographs)] * 5, 3004, do_lower_case=True)
    assert len(learn_vocabulary(["".join(ideographs)] * 5, 3005, do_lower_case=True)) == 3005


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
