"""Input flags -> files, and what is checked about them."""

import pathlib
import shutil

import pytest
import tensorflow as tf

from clinicalbert_tf.input_pipeline.checks import check_records
from clinicalbert_tf.input_pipeline.damage import find_damage
from clinicalbert_tf.input_pipeline.record_source import find_records
from tests import support
from tfrecords_builder import schema
from tfrecords_builder.tfrecord_files import CorruptRecordsError

VOCABULARIES = support.GOLDEN / "vocab"


def make_folder(folder, golden_records, **changes):
    """A folder of records with a manifest: the golden records in two shards."""
    folder.mkdir()
    records = list(tf.data.TFRecordDataset(golden_records).as_numpy_iterator())
    shards = []
    for index, part in enumerate((records[:500], records[500:])):
        name = f"part-{index:05d}-of-00002.tfrecord"
        with tf.io.TFRecordWriter(str(folder / name)) as writer:
            for record in part:
                writer.write(record)
        size = (folder / name).stat().st_size
        shards.append({"file": name, "instances": len(part), "bytes": size})
    shutil.copy(VOCABULARIES / "cased.txt", folder / "vocab.txt")
    settings = {
        "max_seq_length": 128,
        "max_predictions_per_seq": 22,
        "do_lower_case": False,
        "masking": "static",
    }
    vocabulary = {"sha256": schema.file_sha256(str(folder / "vocab.txt")), "size": 1200}
    schema.write_manifest(
        str(folder), schema.Manifest({**settings, **changes}, vocabulary, [], {}, shards)
    )
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory, golden_records):
    return make_folder(tmp_path_factory.mktemp("shards") / "records", golden_records)


def test_plain_file_is_counted_and_measured_by_its_first_record(golden_records):
    source = find_records(golden_records)
    assert (source.num_records, source.counts) == (948, (948,))
    assert (source.max_seq_length, source.max_predictions_per_seq) == (128, 22)
    assert source.manifests == ()
    assert find_records(golden_records, 128, 22) == source


def test_folder_is_read_in_the_manifests_order(folder):
    source = find_records(str(folder))
    assert source.counts == (500, 448)
    assert [pathlib.Path(path).name for path in source.paths] == [
        "part-00000-of-00002.tfrecord",
        "part-00001-of-00002.tfrecord",
    ]
    assert source.manifests[0][0] == str(folder / "manifest.json")
    assert source.largest_id < 1200


def test_files_and_globs_of_a_folder_keep_its_manifest(folder):
    by_glob = find_records(f"{folder}/*.tfrecord")
    assert by_glob == find_records(str(folder))
    one = find_records(str(folder / "part-00001-of-00002.tfrecord"))
    assert (one.num_records, len(one.manifests)) == (448, 1)
    assert one.fingerprint != by_glob.fingerprint


@pytest.mark.parametrize(
    ("spelling", "inside"),
    [
        ("./records", False),
        ("records//", False),
        ("records/../records", False),
        ("./records/*.tfrecord", False),
        ("records//part-0000[01]-of-00002.tfrecord", False),
        (".", True),
        ("./", True),
        ("*.tfrecord", True),
        ("./*.tfrecord", True),
        ("../records", True),
    ],
)
def test_manifest_is_found_however_the_folder_is_written(folder, monkeypatch, spelling, inside):
    monkeypatch.chdir(folder if inside else folder.parent)
    whole = find_records(str(folder))
    source = find_records(spelling)
    assert len(source.manifests) == 1 and source.counts == whole.counts
    assert (source.digests, source.fingerprint) == (whole.digests, whole.fingerprint)
    with pytest.raises(ValueError, match=r"do_lower_case is False in .*manifest\.json"):
        check_records(source, config(), do_lower_case=True)
    first = str(folder / "part-00000-of-00002.tfrecord")
    assert [count for _, count in find_records(spelling, left_out=[first]).left_out] == [500]


def test_shard_of_another_size_is_found_however_its_folder_is_written(
    tmp_path, golden_records, monkeypatch
):
    make_folder(tmp_path / "records", golden_records)
    with open(tmp_path / "records" / "part-00001-of-00002.tfrecord", "ab") as file:
        file.write(b"more")
    monkeypatch.chdir(tmp_path)
    for spelling in ("records", "./records", "records//*.tfrecord"):
        with pytest.raises(CorruptRecordsError, match=r"part-00001.*expected \d+ bytes"):
            find_records(spelling)


def test_fingerprint_follows_content_and_not_the_folders_name(folder, tmp_path, golden_records):
    shutil.copytree(folder, tmp_path / "copy")
    assert find_records(str(tmp_path / "copy")).fingerprint == find_records(str(folder)).fingerprint
    changed = tmp_path / "changed.tfrecord"
    changed.write_bytes(pathlib.Path(golden_records).read_bytes() * 2)
    plain = find_records(golden_records)
    assert find_records(str(changed)).fingerprint != plain.fingerprint


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ((64, None), r"max_seq_length is 128 in .* but --max_seq_length=64\. .*drop the flag"),
        ((128, 20), r"max_predictions_per_seq is 22 in .* but --max_predictions_per_seq=20"),
    ],
)
def test_lengths_other_than_the_flags_name_both(folder, golden_records, lengths, message):
    for patterns in (str(folder), golden_records):
        with pytest.raises(ValueError, match=message):
            find_records(patterns, *lengths)


def test_manifest_that_its_records_contradict_is_refused(tmp_path, golden_records):
    folder = make_folder(tmp_path / "records", golden_records, max_seq_length=64)
    with pytest.raises(ValueError, match=r"max_seq_length is 64 in .*manifest\.json but 128 in"):
        find_records(str(folder))


def test_folder_without_manifest_is_unfinished(tmp_path, golden_records):
    shutil.copy(golden_records, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"manifest\.json.*unfinished.*\*\.tfrecord"):
        find_records(str(tmp_path))


def test_pattern_without_files_is_named():
    with pytest.raises(FileNotFoundError, match=r"nowhere/\*\.tfrecord"):
        find_records("nowhere/*.tfrecord")
    with pytest.raises(ValueError, match="received none"):
        find_records(" , ")


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_shard_of_another_size_than_the_manifests_is_named(tmp_path, golden_records, damage):
    folder = make_folder(tmp_path / "records", golden_records)
    shard = folder / "part-00001-of-00002.tfrecord"
    data = shard.read_bytes()
    shard.unlink()
    if damage == "cut":
        shard.write_bytes(data[:-100])
    with pytest.raises(CorruptRecordsError, match=rf"part-00001.*expected {len(data)} bytes"):
        find_records(str(folder))


def test_records_of_another_kind_name_the_missing_features(tmp_path):
    path = str(tmp_path / "other.tfrecord")
    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[1]))
    example = tf.train.Example(features=tf.train.Features(feature={"input_ids": feature}))
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(example.SerializeToString())
    with pytest.raises(ValueError, match=r"other\.tfrecord.*lacks input_mask, segment_ids"):
        find_records(path)
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(b"\xff\xff\xff no example")
    with pytest.raises(ValueError, match=r"other\.tfrecord.*not a tf\.train\.Example") as caught:
        find_records(path)
    assert "no example" not in str(caught.value)


def test_files_without_records_are_refused(tmp_path):
    path = tmp_path / "empty.tfrecord"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="hold none"):
        find_records(str(path))


def flipped(path, place):
    data = bytearray(pathlib.Path(path).read_bytes())
    data[place] ^= 0x10
    return bytes(data)


@pytest.mark.parametrize("place", [3, 9, 100])
def test_flipped_byte_of_a_files_first_record_is_damage(tmp_path, golden_records, place):
    """And not another kind of records, nor ones of another vocabulary."""
    folder = make_folder(tmp_path / "records", golden_records)
    shard = folder / "part-00001-of-00002.tfrecord"
    shard.write_bytes(flipped(shard, place))
    with pytest.raises(CorruptRecordsError, match=r"part-00001.* record 0 .*damaged") as raised:
        find_records(str(folder))
    assert raised.value.path == str(shard)


def test_flipped_byte_is_found_in_its_file(tmp_path, golden_records, caplog):
    folder = make_folder(tmp_path / "records", golden_records)
    assert find_damage(find_records(str(folder))) is None
    size = sum(path.stat().st_size for path in folder.glob("*.tfrecord")) / 1e6
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1 and f"damaged record in 2 files ({size:.1f} MB)" in said[0]
    shard = folder / "part-00001-of-00002.tfrecord"
    shard.write_bytes(flipped(shard, 5000))
    error = find_damage(find_records(str(folder)))
    assert "part-00001-of-00002.tfrecord" in str(error) and "DataLossError" in str(error)


def test_damage_of_unmasked_records_is_found(unmasked, tmp_path):
    folder = pathlib.Path(shutil.copytree(unmasked, tmp_path / "records"))
    shard = folder / "part-00001-of-00003.tfrecord"
    shard.write_bytes(flipped(shard, 2000))
    assert "part-00001-of-00003.tfrecord" in str(find_damage(find_records(str(folder))))


def config(**changes):
    from clinicalbert_tf.config import BertConfig

    return BertConfig(**{"vocab_size": 1200, "max_position_embeddings": 128, **changes})


def test_records_that_fit_pass(folder):
    check_records(find_records(str(folder)), config(), str(folder / "vocab.txt"), False, "static")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_position_embeddings": 64}, "max_seq_length is 128 .*max_position_embeddings is 64"),
        ({"vocab_size": 1300}, r"1200 wordpieces in .*manifest\.json but vocab_size is 1300"),
        ({"type_vocab_size": 1}, r"Segment id 1 .* but type_vocab_size is 1 .*--objective=mlm"),
        ({"vocab_size": 100}, r"Wordpiece id \d+ .* but vocab_size is 100"),
    ],
)
def test_model_that_does_not_fit_names_both_values(folder, changes, message):
    with pytest.raises(ValueError, match=message):
        check_records(find_records(str(folder)), config(**changes))


def test_vocabulary_that_does_not_fit_names_both_values(folder, tmp_path):
    source = find_records(str(folder))
    larger = str(VOCABULARIES / "downstream_cased.txt")
    rows = len(pathlib.Path(larger).read_text(encoding="utf-8").splitlines())
    with pytest.raises(ValueError, match=f"has {rows} rows, .* \\(vocab_size\\) has 1200"):
        check_records(source, config(), larger)
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    lines[-1], lines[-2] = lines[-2], lines[-1]
    swapped = tmp_path / "vocab.txt"
    swapped.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"SHA-256 [0-9a-f]{16}\.\.\. in .* has [0-9a-f]{16}"):
        check_records(source, config(), str(swapped))


def test_same_vocabulary_with_other_line_ends_passes(folder, tmp_path):
    text = (folder / "vocab.txt").read_text(encoding="utf-8")
    other = tmp_path / "vocab.txt"
    other.write_bytes(text.replace("\n", "\r\n").encode())
    check_records(find_records(str(folder)), config(), str(other))


def test_casing_other_than_the_records_names_both(folder, tmp_path, golden_records):
    source = find_records(str(folder))
    with pytest.raises(ValueError, match=r"do_lower_case is False .*--do_lower_case=True"):
        check_records(source, config(), do_lower_case=True)
    lowered = make_folder(tmp_path / "records", golden_records, do_lower_case=True)
    with pytest.raises(ValueError, match=r"do_lower_case is True .*is a cased vocabulary"):
        check_records(find_records(str(lowered)), config(), str(lowered / "vocab.txt"))


def test_masking_other_than_asked_or_known_names_both(folder, tmp_path, golden_records):
    with pytest.raises(ValueError, match=r"masking is static .*--masking=dynamic"):
        check_records(find_records(str(folder)), config(), masking="dynamic")
    other = make_folder(tmp_path / "records", golden_records, masking="spans")
    with pytest.raises(ValueError, match=r"masking is spans .*reads static, dynamic"):
        check_records(find_records(str(other)), config())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
