"""One shard: spilled documents to a closed file of records."""

import random

import numpy as np
import pytest

from tests.support import GOLDEN
from tests.tfrecords_builder.pairing import plain_pairing
from tfrecords_builder.building import records, shard_builder
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage import spill
from tfrecords_builder.building.storage.build_folder import BuildFolder
from tfrecords_builder.pairing import masking
from tfrecords_builder.tokenization import BertTokenizer

LENGTH, PREDICTIONS, DUPE = 128, 20, 25


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(str(GOLDEN / "vocab" / "cased.txt"), False)


@pytest.fixture(scope="module")
def corpus(tokenizer):
    paths = [GOLDEN / "pretraining_data" / f"part_{part}.txt" for part in "ab"]
    return plain_pairing.read_documents([str(path) for path in paths], tokenizer)


def build(folder, corpus, tokenizer, **changes):
    """Builds every shard of the corpus; returns the records and what `build` returned."""
    settings = BuilderSettings(str(folder), **({"num_shards": 3} | changes))
    own = BuildFolder(str(folder))
    with own.locked():
        own.empty_spill()
    documents = []
    for number, document in enumerate(corpus):
        ids = np.array([token for sentence in document for token in sentence])
        lengths = np.array([len(sentence) for sentence in document])
        encoded = spill.encode_document(
            f"0#{number}",
            ids,
            lengths,
            random_seed=settings.random_seed,
            num_shards=settings.num_shards,
            vocab_size=tokenizer.vocab_size,
        )
        documents.append(encoded)
    index = spill.SpillIndex(own.spill_folder, settings.num_shards)
    index.add(spill.append_documents(own.spill_folder, documents))
    counts = index.close()
    builder = shard_builder.ShardBuilder(
        settings, masking.SpecialIds.of(tokenizer), tokenizer.starts_word, own
    )
    built = [builder.build(shard, count) for shard, count in enumerate(counts)]
    examples = [
        example for shard in built for example in records.read_examples(str(folder / shard["file"]))
    ]
    return {name: np.stack([e[name] for e in examples]) for name in examples[0]}, built


def exact(corpus, tokenizer, whole_word):
    made = plain_pairing.create_training_instances(
        [list(document) for document in corpus],
        special_ids=masking.SpecialIds.of(tokenizer),
        starts_word=tokenizer.starts_word.tolist(),
        max_seq_length=LENGTH,
        dupe_factor=DUPE,
        short_seq_prob=0.1,
        masked_lm_prob=0.15,
        max_predictions_per_seq=PREDICTIONS,
        do_whole_word_mask=whole_word,
        rng=random.Random(3),
    )
    return plain_pairing.pad_instances(made, LENGTH, PREDICTIONS)


def statistics(block, mask_id):
    """Shares that tell one way of making instances from another."""
    lengths = block["input_mask"].sum(axis=1)
    weights = block["masked_lm_weights"] > 0
    row = np.nonzero(weights)[0]
    after = block["input_ids"][row, block["masked_lm_positions"][weights]]
    labels = block["masked_lm_ids"][weights]
    return {
        "next-sentence negatives": np.mean(block["next_sentence_labels"]),
        "masked share": weights.sum() / lengths.sum(),
        "predictions per instance": weights.sum(axis=1).mean() / PREDICTIONS,
        "[MASK]": np.mean(after == mask_id),
        "unchanged": np.mean(after == labels),
        "full length": np.mean(lengths == LENGTH),
        "tokens of A": block["segment_ids"].sum() / lengths.sum(),
        **{f"shorter than {n}": np.mean(lengths < n) for n in (16, 32, 64, 96, 120)},
        **{f"fewer than {n} masked": np.mean(weights.sum(axis=1) < n) for n in (5, 12, 19)},
    }


@pytest.mark.large
@pytest.mark.parametrize("whole_word", [False, True])
def test_statistics_equal_the_exact_modes(whole_word, corpus, tokenizer, tmp_path):
    streamed, _ = build(
        tmp_path, corpus, tokenizer, dupe_factor=DUPE, do_whole_word_mask=whole_word
    )
    reference = exact(corpus, tokenizer, whole_word)
    assert len(streamed["input_ids"]) == pytest.approx(len(reference["input_ids"]), rel=0.03)
    found, expected = (statistics(block, tokenizer.mask_id) for block in (streamed, reference))
    # 79 documents draw a target length 25 times: one standard error of a share that follows
    # from it is 0.016, of the others, over 12,000 instances, at most 0.006.
    assert found == pytest.approx(expected, abs=0.045)
    for name in ("next-sentence negatives", "masked share", "unchanged"):
        assert found[name] == pytest.approx(expected[name], abs=0.015)
    assert found["[MASK]"] == pytest.approx(0.8, abs=0.01)
    # Every label is as common as in the reference: masking prefers no wordpiece.
    shares = [
        np.bincount(
            block["masked_lm_ids"][block["masked_lm_weights"] > 0], minlength=tokenizer.vocab_size
        )
        / (block["masked_lm_weights"] > 0).sum()
        for block in (streamed, reference)
    ]
    assert np.abs(shares[0] - shares[1]).max() < 0.003


def test_a_shard_is_noted_as_finished_with_its_size(corpus, tokenizer, tmp_path):
    block, built = build(tmp_path, corpus, tokenizer)
    folder = BuildFolder(str(tmp_path))
    for shard in built:
        assert folder.finished_shard(shard["file"]) == shard
        assert (tmp_path / shard["file"]).stat().st_size == shard["bytes"]
    assert sum(shard["instances"] for shard in built) == len(block["input_ids"])


def test_small_pools_make_as_many_instances_from_every_document(corpus, tokenizer, tmp_path):
    # How many short targets are drawn would matter more than the pools.
    changes = {"num_shards": 1, "short_seq_prob": 0.0}
    large, _ = build(tmp_path / "a", corpus, tokenizer, **changes)
    small, _ = build(tmp_path / "b", corpus, tokenizer, pool_documents=2, **changes)
    assert len(small["input_ids"]) == pytest.approx(len(large["input_ids"]), rel=0.05)


def test_whole_words_reach_the_records(corpus, tokenizer, tmp_path):
    block, _ = build(tmp_path, corpus, tokenizer, do_whole_word_mask=True, dupe_factor=1)
    starts_word = tokenizer.starts_word
    for row in range(len(block["input_ids"])):
        weights = block["masked_lm_weights"][row] > 0
        tokens = block["input_ids"][row].copy()
        positions = block["masked_lm_positions"][row][weights]
        tokens[positions] = block["masked_lm_ids"][row][weights]
        for position in positions:
            following = tokens[position + 1]
            if not starts_word[following]:
                assert position + 1 in positions


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
