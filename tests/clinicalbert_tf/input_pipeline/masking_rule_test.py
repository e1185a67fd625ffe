"""Unmasked records: the rule by which they are masked, and what is refused about them."""

import pathlib
import shutil

import pytest

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.checks import check_records
from clinicalbert_tf.input_pipeline.damage import find_damage
from clinicalbert_tf.input_pipeline.masking_rule import change_masking_rule
from clinicalbert_tf.input_pipeline.record_source import find_records
from tfrecords_builder import schema


def copy_of(folder, target):
    shutil.copytree(folder, target)
    return target


def change_settings(folder, **changes):
    manifest = schema.read_manifest(str(folder))
    manifest.settings.update(changes)
    schema.write_manifest(str(folder), manifest)


def test_unmasked_records_bring_their_masking_rule(unmasked):
    source = find_records(unmasked, 64, 10)
    rule = source.masking
    assert (rule.max_predictions_per_seq, rule.masked_lm_prob) == (10, 0.15)
    assert rule.do_whole_word_mask is False
    assert rule.vocab_file == f"{unmasked}/vocab.txt"
    assert (source.max_predictions_per_seq, source.predictions_in_records) == (10, None)
    check_records(source, BertConfig(vocab_size=1200), rule.vocab_file, masking="dynamic")
    assert find_damage(source) is None
    with pytest.raises(ValueError, match=r"max_predictions_per_seq is 10 .*=20"):
        find_records(unmasked, 64, 20)
    with pytest.raises(ValueError, match=r"masking is dynamic .*--masking=static"):
        check_records(source, BertConfig(vocab_size=1200), masking="static")


def test_unmasked_records_without_a_manifest_are_refused(unmasked, tmp_path):
    path = shutil.copy(f"{unmasked}/part-00000-of-00003.tfrecord", tmp_path)
    with pytest.raises(ValueError, match=r"masked_lm_positions.*manifest\.json.*received neither"):
        find_records(path)


def test_manifest_of_another_masking_than_its_records_is_refused(unmasked, tmp_path):
    folder = copy_of(unmasked, tmp_path / "records")
    change_settings(folder, masking="static")
    with pytest.raises(ValueError, match=r"masking is static in .*part-00000.* is unmasked"):
        find_records(str(folder))


def test_masked_and_unmasked_records_are_not_mixed(unmasked, build):
    masked = build()
    with pytest.raises(ValueError, match=r"unmasked in .* but masked in .*one --masking"):
        find_records(f"{unmasked},{masked}")


def test_unmasked_folders_of_different_rules_are_refused(unmasked, tmp_path):
    folder = copy_of(unmasked, tmp_path / "records")
    change_settings(folder, masked_lm_prob=0.2)
    with pytest.raises(ValueError, match=r"masked_lm_prob is 0\.15 in .* but 0\.2 in"):
        find_records(f"{unmasked},{folder}")


def test_vocabulary_beside_unmasked_records_must_be_theirs(unmasked, tmp_path):
    folder = copy_of(unmasked, tmp_path / "records")
    vocab_file = folder / "vocab.txt"
    vocab_file.write_text(vocab_file.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"SHA-256 [0-9a-f]{16}\.\.\. in .*manifest\.json but .*vocab"
    ):
        find_records(str(folder))
    vocab_file.unlink()
    with pytest.raises(FileNotFoundError, match=r"Expected .*vocab\.txt.*found none.*Copy"):
        find_records(str(folder))


def test_masking_rule_is_changed_for_unmasked_records_only(unmasked):
    rule = find_records(unmasked).masking
    changed = change_masking_rule(rule, 0.3, True, "records")
    assert (changed.masked_lm_prob, changed.do_whole_word_mask) == (0.3, True)
    assert change_masking_rule(rule, None, None, "records") == rule
    assert change_masking_rule(None, None, None, "records") is None
    with pytest.raises(
        ValueError, match=r"Expected unmasked records for --masked_lm_prob=0\.3, .*static.* Drop"
    ):
        change_masking_rule(None, 0.3, None, "records")
    with pytest.raises(ValueError, match=r"unmasked records for --do_whole_word_mask=False"):
        change_masking_rule(None, None, False, "records")
    for fraction in (0.0, 15.0):
        with pytest.raises(ValueError, match=rf"above 0 and at most 1, received {fraction}"):
            change_masking_rule(rule, fraction, None, "records")


@pytest.mark.parametrize("spelling", ["./records", "records//", "./records/*.tfrecord"])
def test_unmasked_records_are_masked_however_their_folder_is_written(
    unmasked, monkeypatch, spelling
):
    monkeypatch.chdir(pathlib.Path(unmasked).parent)
    rule = find_records(spelling).masking
    assert rule.max_predictions_per_seq == 10
    assert pathlib.Path(rule.vocab_file).samefile(f"{unmasked}/vocab.txt")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
