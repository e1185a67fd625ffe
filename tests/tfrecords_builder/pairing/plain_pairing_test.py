"""Documents to masked pairs, the reference's way: what the fast forms are compared with."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import GOLDEN
from tests.tfrecords_builder.pairing import plain_pairing
from tfrecords_builder.pairing import masking
from tfrecords_builder.tokenization import BertTokenizer

CLS, SEP, MASK = 1, 2, 3
VOCAB_SIZE = 100


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(str(GOLDEN / "vocab" / "cased.txt"), False)


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return str(path)


def test_blank_lines_end_documents_and_white_space_lines_too(tmp_path, tokenizer):
    path = write(tmp_path, "a.txt", b"The patient.\nwas seen\n\n \t \n\nThe plan\n")
    documents = plain_pairing.read_documents([path], tokenizer)
    expected = [["The patient.", "was seen"], ["The plan"]]
    assert documents == [[tokenizer.encode(line) for line in lines] for lines in expected]


def test_the_end_of_a_file_does_not_end_a_document(tmp_path, tokenizer):
    paths = [write(tmp_path, "a.txt", b"The patient"), write(tmp_path, "b.txt", b"was seen\n")]
    assert plain_pairing.read_documents(paths, tokenizer) == [
        [tokenizer.encode("The patient"), tokenizer.encode("was seen")]
    ]


def test_only_line_feeds_end_lines(tmp_path, tokenizer):
    text = "The patient\x0bwas\u2028seen\x85today\r\n"
    path = write(tmp_path, "a.txt", text.encode())
    assert plain_pairing.read_documents([path], tokenizer) == [[tokenizer.encode(text.strip())]]


def test_bytes_that_are_not_utf_8_are_named_by_line_without_the_text(tmp_path, tokenizer):
    path = write(tmp_path, "a.txt", b"The plan\nSecret \xff name\n")
    with pytest.raises(ValueError, match=r"a\.txt, line 2: .*0xff at byte 8") as error:
        plain_pairing.read_documents([path], tokenizer)
    assert "Secret" not in str(error.value)


def truncate_slowly(a, b, most, rng):
    a, b = list(a), list(b)
    while len(a) + len(b) > most:
        longer = a if len(a) > len(b) else b
        if rng.random() < 0.5:
            del longer[0]
        else:
            longer.pop()
    return a, b


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
    st.integers(2, 60),
    st.integers(0, 99),
)
def test_truncation_draws_and_cuts_token_by_token(a, b, most, seed):
    rng, slow_rng = random.Random(seed), random.Random(seed)
    found = plain_pairing.truncate_seq_pair(a, b, most, rng)
    assert found == truncate_slowly(a, b, most, slow_rng)
    assert rng.getstate() == slow_rng.getstate()
    assert all(found)


def masker(rng):
    return plain_pairing.Masker(
        special_ids=masking.SpecialIds(CLS, SEP, MASK),
        starts_word=[True] * 10_000,
        masked_lm_prob=0.15,
        max_predictions_per_seq=20,
        do_whole_word_mask=False,
        rng=rng,
    )


def unmasked(instance):
    tokens = list(instance.input_ids)
    for position, token in zip(instance.masked_lm_positions, instance.masked_lm_ids, strict=True):
        tokens[position] = token
    return tokens


def numbered_documents(sizes):
    """Documents whose every token tells document, sentence and place: 10 + a running number."""
    number = iter(range(10, 10_000))
    return [[[next(number) for _ in range(n)] for n in sentences] for sentences in sizes]


def test_next_segments_cover_a_document_in_order():
    documents = numbered_documents([[4, 7, 5, 9, 3, 6, 8], [5, 5]])
    for seed in range(20):
        rng = random.Random(seed)
        made = list(
            plain_pairing.create_instances_from_document(documents, 0, 64, 0.1, masker(rng), rng)
        )
        flat = [token for sentence in documents[0] for token in sentence]
        own = []
        for instance in made:
            tokens = unmasked(instance)
            assert tokens[0] == CLS and tokens[-1] == SEP and tokens.count(SEP) == 2
            first_sep = tokens.index(SEP)
            assert instance.segment_ids == [0] * (first_sep + 1) + [1] * (
                len(tokens) - first_sep - 1
            )
            own += tokens[1:first_sep]
            if not instance.is_random_next:
                own += tokens[first_sep + 1 : -1]
        assert own == flat


def test_a_random_next_segment_comes_from_another_document():
    documents = numbered_documents([[4, 4, 4], [5, 5], [6]])
    of_document = {
        token: number
        for number, document in enumerate(documents)
        for sentence in document
        for token in sentence
    }
    seen = set()
    for seed in range(50):
        rng = random.Random(seed)
        for instance in plain_pairing.create_instances_from_document(
            documents, 0, 32, 0.5, masker(rng), rng
        ):
            tokens = unmasked(instance)
            b = tokens[tokens.index(SEP) + 1 : -1]
            sources = {of_document[token] for token in b}
            assert len(sources) == 1
            assert (sources != {0}) == instance.is_random_next
            seen |= sources
    assert seen == {0, 1, 2}


def test_an_instance_never_exceeds_the_sequence_length():
    documents = numbered_documents([[90, 80, 3], [200], [1] * 30])
    for seed in range(10):
        made = plain_pairing.create_training_instances(
            [list(document) for document in documents],
            special_ids=masking.SpecialIds(CLS, SEP, MASK),
            starts_word=[True] * 10_000,
            max_seq_length=32,
            dupe_factor=2,
            short_seq_prob=0.1,
            masked_lm_prob=0.15,
            max_predictions_per_seq=5,
            do_whole_word_mask=False,
            rng=random.Random(seed),
        )
        assert max(len(instance.input_ids) for instance in made) == 32
        assert max(len(instance.masked_lm_ids) for instance in made) == 5


def make(rng, whole_word=False, starts_word=None, prob=0.15, most=20):
    return plain_pairing.Masker(
        special_ids=masking.SpecialIds(CLS, SEP, MASK),
        starts_word=starts_word or [True] * VOCAB_SIZE,
        masked_lm_prob=prob,
        max_predictions_per_seq=most,
        do_whole_word_mask=whole_word,
        rng=rng,
    )


def test_special_tokens_are_never_masked_and_all_others_are():
    a, b = list(range(10, 20)), list(range(20, 35))
    seen = set()
    for seed in range(200):
        instance = make(random.Random(seed)).pair(a, b, False)
        assert instance.masked_lm_positions == sorted(set(instance.masked_lm_positions))
        tokens = [CLS, *a, SEP, *b, SEP]
        for position, label in zip(
            instance.masked_lm_positions, instance.masked_lm_ids, strict=True
        ):
            assert tokens[position] == label
        seen |= set(instance.masked_lm_positions)
        changed = [i for i, token in enumerate(instance.input_ids) if token != tokens[i]]
        assert set(changed) <= set(instance.masked_lm_positions)
    assert seen == set(range(1, 11)) | set(range(12, 27))


def test_a_word_is_masked_whole_or_not_at_all():
    # Ids from 50 on continue a word: words of 3, 1 and 2 wordpieces, twice over.
    starts_word = [True] * 50 + [False] * 50
    words = [10, 50, 51, 11, 12, 52]
    groups = [{1, 2, 3}, {4}, {5, 6}, {8, 9, 10}, {11}, {12, 13}]
    chosen = set()
    for seed in range(200):
        masker = make(random.Random(seed), True, starts_word, prob=0.3)
        positions = set(masker.pair(words, words, False).masked_lm_positions)
        assert len(positions) <= 4
        for group in groups:
            assert group <= positions or not group & positions
            chosen |= {tuple(group)} if group <= positions else set()
    assert len(chosen) == len(groups)


def test_a_continuation_cut_from_its_word_joins_the_group_before_the_separator():
    starts_word = [True] * 50 + [False] * 50
    found = set()
    for seed in range(50):
        masker = make(random.Random(seed), True, starts_word, prob=0.3)
        found.add(tuple(masker.pair([10], [50, 11], False).masked_lm_positions))
    # [CLS] 10 [SEP] ##50 11 [SEP], two predictions: the word 10 ##50 stands at 1 and 3.
    assert found == {(1, 3), (4,)}


def test_four_fifths_become_mask_a_tenth_stays_a_tenth_is_random():
    rng = random.Random(5)
    masker = make(rng, most=200, prob=1.0)
    kept = masked = total = 0
    for _ in range(400):
        a = [rng.randrange(10, VOCAB_SIZE) for _ in range(125)]
        instance = masker.pair(a, a, False)
        for position, label in zip(
            instance.masked_lm_positions, instance.masked_lm_ids, strict=True
        ):
            total += 1
            masked += instance.input_ids[position] == MASK
            kept += instance.input_ids[position] == label
    assert total == 400 * 200
    # A random wordpiece is [MASK] or the same one in 100 tries.
    assert masked / total == pytest.approx(0.8 + 0.001, abs=0.01)
    assert kept / total == pytest.approx(0.1 + 0.001, abs=0.01)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
