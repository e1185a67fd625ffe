import os
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecords_builder import synthetic
from tfrecords_builder.notes.duplicates import deduplication
from tfrecords_builder.notes.duplicates.deduplication import Deduplicator

WORDS = [f"word{i}" for i in range(3000)]
MODES = ["exact", "minhash"]


def answers(texts, *args, **kwargs):
    deduplicator = Deduplicator(*args, **kwargs)
    return [deduplicator.kind_of_copy(text) for text in texts]


def brute_force_jaccard(text, other):
    def shingles(words):
        return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}

    mine, theirs = shingles(text.split()), shingles(other.split())
    return len(mine & theirs) / len(mine | theirs)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.text(min_size=1), min_size=1, max_size=5), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_copies_but_for_white_space_are_always_found(mode, notes, rng):
    deduplicator = Deduplicator(mode, memory_mb=1)
    seen = set()
    for _ in range(3):
        for words in notes:
            text = "".join(word + rng.choice([" ", "\n", "\t ", "\r\n"]) for word in words)
            normal = " ".join(text.split())
            found = deduplicator.kind_of_copy(text)
            if normal in seen:
                assert found
            elif not normal or mode == "exact":
                assert not found
            seen.update([normal] if normal else [])


@pytest.mark.parametrize("mode", MODES)
def test_unrelated_notes_are_kept(mode):
    rng = random.Random(1)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 300))) for _ in range(2000)]
    assert len(set(texts)) == len(texts)
    assert not any(answers(texts, mode))


def test_a_changed_word_is_no_exact_copy():
    assert answers(["Pt stable.", "Pt unstable.", "pt stable.", "Pt  stable."]) == [
        None,
        None,
        None,
        deduplication.EXACT,
    ]


def test_near_copies_are_found_as_a_brute_force_comparison_finds_them():
    """Below 0.7 none may be dropped in 200, above 0.9 none may be kept, at least 98 in 100."""
    rng = random.Random(2)
    above = below = found_above = found_below = 0
    deduplicator = Deduplicator("minhash", threshold=0.8)
    for _ in range(1200):
        words = rng.choices(WORDS, k=rng.randint(100, 500))
        original = " ".join(words)
        assert not deduplicator.kind_of_copy(original)
        for _ in range(int(len(words) * rng.choice([0.005, 0.015, 0.08, 0.15]))):
            words[rng.randrange(len(words))] = rng.choice(WORDS)
        copy = " ".join(words)
        if copy == original:
            continue
        similarity = brute_force_jaccard(original, copy)
        found = deduplicator.kind_of_copy(copy) is not None
        above += similarity >= 0.9
        found_above += similarity >= 0.9 and found
        below += similarity < 0.65
        found_below += similarity < 0.65 and found
    assert above > 300 and found_above >= 0.98 * above
    assert below > 300 and found_below <= 0.005 * below


def test_copied_forward_note_with_an_addendum_is_found():
    notes = [row["TEXT"] for row in synthetic.generate_notes(300, seed=3)]
    base = max(notes, key=len)
    forward = base + "\nAddendum: unchanged overnight, continue present management."
    assert brute_force_jaccard(base, forward) > 0.9
    assert answers([*notes, forward], "minhash")[-1]
    assert not answers([*notes, forward], "exact")[-1]


def test_kind_of_copy_is_told():
    deduplicator = Deduplicator("minhash")
    base = " ".join(WORDS[:200])
    texts = (base, f"{base}\n", f"{base} tail", "other words here", "")
    assert [deduplicator.kind_of_copy(text) for text in texts] == [
        None,
        deduplication.EXACT,
        deduplication.NEAR,
        None,
        None,
    ]


def test_counts_and_share_are_those_of_the_notes_seen():
    deduplicator = Deduplicator("minhash")
    base = " ".join(WORDS[:200])
    near = base + " tail"
    for text in (base, base + " ", near, "other words here", "", " \n"):
        deduplicator.kind_of_copy(text)
    counts = deduplicator.counts
    assert (counts.notes, counts.exact, counts.near, counts.forgotten) == (4, 1, 1, 0)
    assert counts.dropped_share == 0.5
    assert str(counts) == "Left out 50.00% of 4 notes as copies: 1 exact, 1 near."


@pytest.mark.parametrize("mode", MODES)
def test_full_memory_forgets_the_oldest_and_says_how_many(mode):
    deduplicator = Deduplicator(mode, memory_mb=1)
    count = 130_000 if mode == "exact" else 14_000
    texts = [f"note {i} of this run" for i in range(count)]
    assert not any(map(deduplicator.kind_of_copy, texts))
    assert 0 < deduplicator.counts.forgotten < count
    assert f"The {deduplicator.counts.forgotten:,} oldest notes" in str(deduplicator.counts)
    assert deduplicator.memory_bytes <= 1 << 20
    assert all(map(deduplicator.kind_of_copy, texts[-1000:]))
    assert not any(map(deduplicator.kind_of_copy, texts[:100]))


def test_nothing_is_forgotten_before_memory_is_full():
    deduplicator = Deduplicator("exact", memory_mb=1)
    texts = [f"note {i} of this run" for i in range(49_000)]
    assert not any(map(deduplicator.kind_of_copy, texts))
    assert all(map(deduplicator.kind_of_copy, texts))
    assert deduplicator.counts.forgotten == 0


def test_answers_are_the_same_in_every_process():
    program = (
        "import random\n"
        "from tfrecords_builder.notes.duplicates.deduplication import Deduplicator\n"
        "rng = random.Random(4)\n"
        "d = Deduplicator('minhash', threshold=0.5)\n"
        "w = [str(i) for i in range(60)]\n"
        "print([d.kind_of_copy(' '.join(rng.sample(w, 2) + w[rng.randint(0, 40):]))"
        " for _ in range(300)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    (output,) = outputs
    assert "near" in output and "None" in output


def test_white_space_makes_no_other_text_and_broken_text_is_a_text():
    texts = (" a\n b", "a b", "ab", "\ud800", "\ud800 ")
    assert answers(texts, "exact") == [None, deduplication.EXACT, None, None, deduplication.EXACT]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"mode": "fuzzy"}, "one of exact, minhash, received 'fuzzy'"),
        ({"mode": "minhash", "threshold": 0}, "above 0 and up to 1, received 0"),
        ({"mode": "minhash", "threshold": 80}, "received 80"),
        ({"memory_mb": 0}, "at least 1 MiB of memory, received 0"),
    ],
)
def test_wrong_settings_are_refused_by_name(arguments, expected):
    with pytest.raises(ValueError, match=expected):
        Deduplicator(**arguments)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
