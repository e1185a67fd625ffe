"""The whole stage's settings."""

import dataclasses

import pytest

from tfrecords_builder.building import settings
from tfrecords_builder.building.settings import BuilderSettings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_seq_length": 4}, "max_seq_length >= 5, received 4"),
        ({"max_predictions_per_seq": 0}, "max_predictions_per_seq >= 1, received 0"),
        ({"dupe_factor": 0}, "dupe_factor >= 1, received 0"),
        ({"num_shards": 0}, "num_shards >= 1, received 0"),
        ({"num_shards": 100_000}, "num_shards <= 99999, received 100000"),
        ({"num_workers": -1}, "num_workers >= 0, received -1"),
        ({"pool_documents": 1}, "pool_documents >= 2, received 1"),
        ({"random_seed": -3}, "random_seed >= 0, received -3"),
        ({"masked_lm_prob": 15}, "masked_lm_prob from 0 to 1, received 15.*not percent"),
        ({"short_seq_prob": -0.1}, "short_seq_prob from 0 to 1"),
        ({"sections": "fixed"}, "corrected, as_published, received 'fixed'"),
        ({"masking": "none"}, "static, dynamic, received 'none'"),
        ({"compression": "zip"}, "none, gzip, received 'zip'"),
        ({"deduplicate": "fuzzy"}, "none, exact, minhash, received 'fuzzy'"),
        ({"deduplicate_threshold": 80}, "deduplicate_threshold from 0 to 1, received 80"),
        ({"deduplicate_threshold": 0.0}, "deduplicate_threshold above 0, received 0"),
        ({"deduplicate_memory_mb": 0}, "deduplicate_memory_mb >= 1, received 0"),
        (
            {"masking": "dynamic", "dupe_factor": 5},
            "dupe_factor 1 with masking=dynamic, received 5",
        ),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_value(change, message):
    with pytest.raises(ValueError, match=message):
        BuilderSettings("out", **change)


def test_dynamic_masking_passes_once_and_static_five_times():
    assert BuilderSettings("out").passes == 5
    assert BuilderSettings("out", dupe_factor=3).passes == 3
    assert BuilderSettings("out", masking="dynamic").passes == 1


def test_shards_are_named_by_number_and_compression():
    settings = BuilderSettings("out", num_shards=16)
    assert settings.shard_name(3) == "part-00003-of-00016.tfrecord"
    settings = dataclasses.replace(settings, compression="gzip")
    assert settings.shard_name(15) == "part-00015-of-00016.tfrecord.gz"


def test_what_shapes_no_record_is_not_compared():
    one = BuilderSettings("out", num_workers=1, overwrite=True, input=("a",), vocab_file="v")
    other = BuilderSettings("elsewhere", num_workers=7)
    assert one.shaping_records() == other.shaping_records()
    assert one.shaping_records() != BuilderSettings("out", random_seed=2).shaping_records()
    assert one.shaping_records()["dupe_factor"] == 5


def test_as_many_workers_as_cores_also_where_the_system_names_none(monkeypatch):
    assert BuilderSettings("out", num_workers=3).workers == 3
    monkeypatch.setattr(settings.os, "sched_getaffinity", lambda pid: {2, 5, 7}, raising=False)
    assert BuilderSettings("out").workers == settings.usable_cores() == 3
    monkeypatch.delattr(settings.os, "sched_getaffinity")
    monkeypatch.setattr(settings.os, "cpu_count", lambda: 6)
    assert BuilderSettings("out").workers == 6
    monkeypatch.setattr(settings.os, "cpu_count", lambda: None)
    assert BuilderSettings("out").workers == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
