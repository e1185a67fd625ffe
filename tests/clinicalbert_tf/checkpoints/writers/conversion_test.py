import json
import stat

import numpy as np
import pytest

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.writers import target as target_module
from clinicalbert_tf.checkpoints.writers.conversion import (
    ConversionSettings,
    convert,
    weights_digest,
)
from tfrecords_builder.tokenization import BertTokenizer

DIGEST = "980c77b82488dddefd024268fa675915cc40996d7215459b5249840b9b644bf9"


def modes(folder):
    paths = [folder, *folder.rglob("*")]
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}


def unfinished(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", ["tf1", "huggingface"])
def test_round_trip_keeps_every_weight_configuration_and_casing(checkpoint, tmp_path, name):
    made = convert(ConversionSettings(str(checkpoint), str(tmp_path / "made"), name))
    before, after = open_checkpoint(checkpoint), open_checkpoint(tmp_path / "made")
    assert set(after.tensors) == set(before.tensors) and len(after.tensors) == made.arrays == 62
    for tensor in before.tensors:
        np.testing.assert_array_equal(after.tensors[tensor], before.tensors[tensor], tensor)
    assert weights_digest(before) == weights_digest(after) == made.weights_sha256 == DIGEST
    assert after.config == before.config
    assert made.do_lower_case is False and made.left_out == ()
    vocabulary = (tmp_path / "made" / "vocab.txt").read_bytes()
    assert vocabulary == (checkpoint / "vocab.txt").read_bytes()
    assert modes(tmp_path / "made") == {(True, 0o700), (False, 0o600)}
    record = json.loads((tmp_path / "made" / "conversion.json").read_text())
    assert record["weights_sha256"] == DIGEST and record["format"] == name
    assert unfinished(tmp_path) == []


def test_tf1_checkpoint_keeps_its_step_and_others_get_the_release_name(checkpoint, tmp_path):
    first, second, third = (str(tmp_path / name) for name in ("first", "second", "third"))
    convert(ConversionSettings(str(checkpoint), first, "tf1"))
    convert(ConversionSettings(first, second, "huggingface"))
    convert(ConversionSettings(second, third, "tf1"))
    assert (tmp_path / "first" / "model.ckpt-150000.index").is_file()
    assert (tmp_path / "third" / "bert_model.ckpt.index").is_file()
    assert weights_digest(open_checkpoint(third)) == DIGEST


def test_digest_tells_one_changed_bit_and_one_changed_name(checkpoint):
    source = open_checkpoint(checkpoint)

    class Source:
        def __init__(self, tensors):
            self.tensors = tensors

    arrays = dict(source.tensors)
    assert weights_digest(Source(arrays)) == DIGEST
    bias = arrays["bert/pooler/dense/bias"]
    changed = {**arrays, "bert/pooler/dense/bias": np.nextafter(bias, np.float32(9))}
    assert weights_digest(Source(changed)) != DIGEST
    renamed = {name + "x": array for name, array in arrays.items()}
    assert weights_digest(Source(renamed)) != DIGEST


def test_huggingface_folder_gives_the_reference_outputs_in_transformers(
    checkpoint, tmp_path, expected, log_softmax
):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = str(tmp_path / "made")
    convert(ConversionSettings(str(checkpoint), folder, "huggingface"))
    model = transformers.AutoModelForPreTraining.from_pretrained(folder).eval()
    inputs, outputs = expected
    ids = {name: torch.tensor(array.astype(np.int64)) for name, array in inputs.items()}
    with torch.no_grad():
        made = model(
            input_ids=ids["token_ids"],
            token_type_ids=ids["segment_ids"],
            attention_mask=ids["padding_mask"],
            output_hidden_states=True,
        )
    sequence = made.hidden_states[-1].numpy()
    real = inputs["padding_mask"] == 1
    np.testing.assert_allclose(sequence[real], outputs["sequence_output"][real], atol=1e-5)
    np.testing.assert_allclose(
        log_softmax(made.seq_relationship_logits), outputs["next_sentence_log_probs"], atol=1e-5
    )
    rows = np.arange(len(sequence))[:, None], inputs["mask_positions"]
    picked = log_softmax(made.prediction_logits.numpy()[rows]).reshape(-1, 1200)
    np.testing.assert_allclose(picked, outputs["masked_lm_log_probs"], atol=1e-5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ours = BertTokenizer(str(checkpoint / "vocab.txt"), do_lower_case=False)
    for text in ("The PATIENT denies chest pain, 2 mg.", "na\u00efve caf\u00e9"):
        ids = [ours.cls_id, *ours.encode(text), ours.sep_id]
        assert tokenizer(text)["input_ids"] == ids


def test_erf_model_stays_one(checkpoint, configure, tmp_path):
    configure(hidden_act="gelu_erf")
    convert(ConversionSettings(str(checkpoint), str(tmp_path / "made"), "huggingface"))
    assert json.loads((tmp_path / "made" / "config.json").read_text())["hidden_act"] == "gelu"
    assert open_checkpoint(tmp_path / "made").config.hidden_act == "gelu_erf"
    # The reference knows no such activation, and is not given a model that differs in silence.
    made = convert(ConversionSettings(str(checkpoint), str(tmp_path / "tf1"), "tf1"))
    said = " ".join(made.remarks)
    assert "gelu_erf" in said and "modeling.py does not know" in said
    assert json.loads((tmp_path / "tf1/bert_config.json").read_text())["hidden_act"] == "gelu_erf"


def test_existing_target_is_refused_and_replaced_only_if_it_is_a_conversion(checkpoint, tmp_path):
    made, kept = tmp_path / "made", tmp_path / "kept"
    convert(ConversionSettings(str(checkpoint), str(made), "huggingface"))
    with pytest.raises(FileExistsError, match=r"made, found one.*--overwrite"):
        convert(ConversionSettings(str(checkpoint), str(made), "tf1"))
    assert (made / "config.json").is_file()
    convert(ConversionSettings(str(checkpoint), str(made), "tf1", overwrite=True))
    assert not (made / "config.json").exists() and (made / "bert_config.json").is_file()
    kept.mkdir()
    (kept / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"earlier conversion.*found something else"):
        convert(ConversionSettings(str(checkpoint), str(kept), "tf1", overwrite=True))
    assert (kept / "thesis.txt").read_text() == "years of work"
    assert unfinished(tmp_path) == []


def test_target_that_holds_the_source_is_refused(checkpoint):
    before = sorted(path.name for path in checkpoint.iterdir())
    for source in (checkpoint, checkpoint / "model.ckpt-150000"):
        with pytest.raises(ValueError, match="which holds the source"):
            convert(ConversionSettings(str(source), str(checkpoint), "tf1", overwrite=True))
    assert sorted(path.name for path in checkpoint.iterdir()) == before


def test_failed_conversion_leaves_nothing_and_the_earlier_one_in_place(
    checkpoint, tmp_path, monkeypatch
):
    made = tmp_path / "made"
    convert(ConversionSettings(str(checkpoint), str(made), "huggingface"))
    before = sorted(path.name for path in made.iterdir())
    (checkpoint / "vocab.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"vocab\.txt"):
        convert(ConversionSettings(str(checkpoint), str(made), "tf1", overwrite=True))

    def fail(folder):
        raise OSError("no space")

    monkeypatch.setattr(target_module, "_make_private_and_sync", fail)
    with pytest.raises(OSError, match="no space"), target_module.new_folder(str(made)):
        pass
    assert sorted(path.name for path in made.iterdir()) == before
    assert unfinished(tmp_path) == []


def test_casing_that_conflicts_is_used_and_said(checkpoint, tmp_path):
    settings = ConversionSettings(
        str(checkpoint), str(tmp_path / "made"), "tf1", do_lower_case=True
    )
    made = convert(settings)
    assert made.do_lower_case is True
    assert "do_lower_case=False, but do_lower_case=True" in " ".join(made.remarks)


def test_settings_of_other_formats_are_errors():
    with pytest.raises(ValueError, match=r"tf1, huggingface, .*received 'pickle'"):
        ConversionSettings("a", "b", "pickle")
    with pytest.raises(ValueError, match=r"max_seq_length.*received it with onnx"):
        ConversionSettings("a", "b", "onnx", max_seq_length=64)


@pytest.mark.parametrize("name", ["tf1", "keras"])
def test_model_without_pooler_is_an_error_where_the_format_needs_one(checkpoint, tmp_path, name):
    safetensors = pytest.importorskip("safetensors.numpy")
    folder = tmp_path / "huggingface"
    convert(ConversionSettings(str(checkpoint), str(folder), "huggingface"))
    tensors = safetensors.load_file(folder / "model.safetensors")
    tensors = {key: array for key, array in tensors.items() if "pooler" not in key}
    safetensors.save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=f"received one without, which the format {name}"):
        convert(ConversionSettings(str(folder), str(tmp_path / "made"), name))
    assert not (tmp_path / "made").exists() and unfinished(tmp_path) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
