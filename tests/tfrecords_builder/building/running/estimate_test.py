"""How large the records will be."""

import dataclasses

import pytest

from tests.support import CASED, NOTEEVENTS
from tfrecords_builder.building import pipeline
from tfrecords_builder.building.running import estimate
from tfrecords_builder.building.settings import BuilderSettings


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"masking": "dynamic"},
        {"compression": "gzip"},
        {"max_seq_length": 64, "max_predictions_per_seq": 10, "short_seq_prob": 0.3},
    ],
)
def test_the_estimate_is_near_what_is_built(changes, tmp_path):
    settings = BuilderSettings(
        str(tmp_path),
        input=(NOTEEVENTS,),
        vocab_file=CASED,
        num_shards=2,
        num_workers=1,
        **changes,
    )
    manifest = pipeline.build_records(settings)
    counts = manifest.counts
    found = estimate.estimate_records(
        settings, manifest.vocabulary["size"], counts["notes"]["written"], counts["tokens"]
    )
    assert found.instances == pytest.approx(counts["instances"], rel=0.25)
    size = sum(shard["bytes"] for shard in manifest.shards)
    if settings.compression == "none":
        assert found.record_bytes == pytest.approx(size, rel=0.35)
    else:
        # The words of 80 invented notes repeat, and so pack, more than those of real ones.
        assert size < found.record_bytes < 3 * size
    assert found.spill_bytes == 2 * counts["tokens"]


def test_passes_and_notes_multiply_the_records():
    settings = BuilderSettings("out", dupe_factor=1)
    one = estimate.estimate_records(settings, 1000, 100, 30_000)
    five = estimate.estimate_records(
        dataclasses.replace(settings, dupe_factor=5), 1000, 1000, 300_000
    )
    assert five.instances == pytest.approx(50 * one.instances, rel=0.01)
    assert five.needed_bytes == five.record_bytes + five.spill_bytes


def test_it_is_said_in_round_numbers():
    size = estimate.RecordsEstimate(1_234_567, 1_900_000_000, 40_000_000)
    assert str(size).startswith("about 1,200,000 instances, 1.9 GB of records and 0.04 GB more")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
