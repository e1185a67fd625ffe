"""The stage's records against the reference's, as distributions."""

import csv

import numpy as np
import pytest

from tests.support import CASED, NOTEEVENTS
from tfrecords_builder import create_pretraining_data, format_notes, tfrecord_files
from tfrecords_builder.building import pipeline
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage import example_blocks
from tfrecords_builder.tokenization import BertTokenizer

LENGTH, PREDICTIONS, DUPE = 128, 20, 5
NOTES_EACH, SHARDS = 80, 4
# How often the notes are taken: by the stage with other ids, by the exact mode with other seeds.
COPIES = 48
STANDARD_ERRORS = 4
LENGTH_BINS = (5, 16, 32, 48, 64, 80, 96, 112, 120, 124, 127, 128, 129)
PREDICTION_BINS = (1, 3, 6, 9, 12, 15, 18, 19, 20)


def read(path):
    """All records of a file: by feature name an array [records, width]."""
    return example_blocks.decode_block(list(tfrecord_files.read_records(str(path))))


def counts(block, mask_id, passes):
    """What is counted of the records of so many passes over notes: (number, of how many)."""
    size = len(block["input_ids"])
    lengths = block["input_mask"].sum(axis=1)
    weights = block["masked_lm_weights"] > 0
    predictions = weights.sum(axis=1)
    rows = np.nonzero(weights)[0]
    after = block["input_ids"][rows, block["masked_lm_positions"][weights]]
    labels = block["masked_lm_ids"][weights]
    masked = len(labels)
    length_counts = np.histogram(lengths, LENGTH_BINS)[0]
    prediction_counts = np.histogram(predictions, PREDICTION_BINS)[0]
    assert length_counts.sum() == prediction_counts.sum() == size
    return {
        "instances per pass": (size, passes),
        "next-sentence negatives": (block["next_sentence_labels"].sum(), size),
        "masked share": (masked, lengths.sum()),
        "predictions per instance": (masked, size),
        "tokens of B": (block["segment_ids"].sum(), lengths.sum()),
        "[MASK]": ((after == mask_id).sum(), masked),
        "kept": ((after == labels).sum(), masked),
        "replaced": (((after != mask_id) & (after != labels)).sum(), masked),
        **{
            f"length from {low}": (n, size)
            for low, n in zip(LENGTH_BINS, length_counts, strict=False)
        },
        **{
            f"predictions from {low}": (n, size)
            for low, n in zip(PREDICTION_BINS, prediction_counts, strict=False)
        },
    }


def streamed(folder, mask_id):
    """The stage's counts over copies of the notes with ids of their own."""
    with open(NOTEEVENTS, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    column = header.index("ROW_ID")
    with open(folder / "notes.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for copy in range(COPIES):
            for row in rows:
                writer.writerow([*row[:column], f"{copy}-{row[column]}", *row[column + 1 :]])
    settings = BuilderSettings(
        str(folder / "records"),
        input=(str(folder / "notes.csv"),),
        vocab_file=CASED,
        max_seq_length=LENGTH,
        max_predictions_per_seq=PREDICTIONS,
        dupe_factor=DUPE,
        num_shards=SHARDS,
        num_workers=1,
    )
    manifest = pipeline.build_records(settings)
    files = [folder / "records" / shard["file"] for shard in manifest.shards]
    assert manifest.counts["notes"]["written"] == COPIES * NOTES_EACH
    # On average: each shard has another number of notes.
    passes = DUPE * COPIES * NOTES_EACH / SHARDS
    return [counts(read(file), mask_id, passes) for file in files]


def exact(folder, mask_id):
    """The exact mode's counts on the same notes' sentence files, one per seed."""
    format_notes.format_notes(format_notes.FormatSettings(str(folder / "sentences"), (NOTEEVENTS,)))
    found = []
    for seed in range(COPIES):
        path = folder / f"{seed}.tfrecord"
        create_pretraining_data.create_pretraining_data(
            create_pretraining_data.ReferenceSettings(
                input_file=str(folder / "sentences" / "*.txt"),
                output_file=str(path),
                vocab_file=CASED,
                do_lower_case=False,
                max_seq_length=LENGTH,
                max_predictions_per_seq=PREDICTIONS,
                random_seed=seed,
                dupe_factor=DUPE,
            )
        )
        found.append(counts(read(path), mask_id, DUPE * NOTES_EACH))
    return found


def pooled(groups, name):
    """A share over all groups, and how much of it each group adds or takes."""
    numbers, totals = np.array([group[name] for group in groups], float).T
    share = numbers.sum() / totals.sum()
    return share, (numbers - share * totals) / totals.sum()


@pytest.mark.large
def test_every_statistic_equals_the_exact_modes_within_sampling_error(tmp_path):
    mask_id = BertTokenizer(CASED, False).mask_id
    found, expected = streamed(tmp_path, mask_id), exact(tmp_path, mask_id)
    for groups in (found, expected):
        assert sum(group["instances per pass"][0] for group in groups) > 20_000
    wrong = {}
    for name in expected[0]:
        ours, _ = pooled(found, name)
        theirs, parts = pooled(expected, name)
        # From one seed to another, so with all that instances of one document have in common;
        # once for each of the two that are compared.
        error = np.sqrt(2 * COPIES / (COPIES - 1) * np.sum(parts**2))
        assert 0 < error < max(0.02, 0.2 * theirs), f"{name}: too few to compare"
        if abs(ours - theirs) > STANDARD_ERRORS * error:
            wrong[name] = (ours, theirs, error)
    assert not wrong


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
