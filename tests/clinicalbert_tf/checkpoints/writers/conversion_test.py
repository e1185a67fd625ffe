import json
import stat
from unittest import mock

import numpy as np
import pytest
from absl.testing import parameterized

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.writers import target as target_module
from clinicalbert_tf.checkpoints.writers.conversion import (
    ConversionSettings,
    convert,
    weights_digest,
)
from tests.clinicalbert_tf.checkpoints.writers import golden_source
from tfrecords_builder.tokenization import BertTokenizer

DIGEST = "980c77b82488dddefd024268fa675915cc40996d7215459b5249840b9b644bf9"


def modes(folder):
    paths = [folder, *folder.rglob("*")]
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}


def unfinished(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


class ConversionTest(golden_source.GoldenSourceTestCase):
    @parameterized.parameters("tf1", "huggingface")
    def test_round_trip_keeps_every_weight_configuration_and_casing(self, name):
        made = convert(ConversionSettings(str(self.checkpoint), str(self.folder / "made"), name))
        before, after = open_checkpoint(self.checkpoint), open_checkpoint(self.folder / "made")
        self.assertEqual(set(after.tensors), set(before.tensors))
        self.assertLen(after.tensors, made.arrays)
        self.assertEqual(made.arrays, 62)
        for tensor in before.tensors:
            self.assertAllEqual(after.tensors[tensor], before.tensors[tensor], msg=tensor)
        self.assertEqual(weights_digest(before), weights_digest(after))
        self.assertEqual(weights_digest(after), made.weights_sha256)
        self.assertEqual(made.weights_sha256, DIGEST)
        self.assertEqual(after.config, before.config)
        self.assertIs(made.do_lower_case, False)
        self.assertEqual(made.left_out, ())
        vocabulary = (self.folder / "made" / "vocab.txt").read_bytes()
        self.assertEqual(vocabulary, (self.checkpoint / "vocab.txt").read_bytes())
        self.assertEqual(modes(self.folder / "made"), {(True, 0o700), (False, 0o600)})
        record = json.loads((self.folder / "made" / "conversion.json").read_text())
        self.assertEqual(record["weights_sha256"], DIGEST)
        self.assertEqual(record["format"], name)
        self.assertEqual(unfinished(self.folder), [])

    def test_tf1_checkpoint_keeps_its_step_and_others_get_the_release_name(self):
        first, second, third = (str(self.folder / name) for name in ("first", "second", "third"))
        convert(ConversionSettings(str(self.checkpoint), first, "tf1"))
        convert(ConversionSettings(first, second, "huggingface"))
        convert(ConversionSettings(second, third, "tf1"))
        self.assertTrue((self.folder / "first" / "model.ckpt-150000.index").is_file())
        self.assertTrue((self.folder / "third" / "bert_model.ckpt.index").is_file())
        self.assertEqual(weights_digest(open_checkpoint(third)), DIGEST)

    def test_digest_tells_one_changed_bit_and_one_changed_name(self):
        source = open_checkpoint(self.checkpoint)

        class Source:
            def __init__(self, tensors):
                self.tensors = tensors

        arrays = dict(source.tensors)
        self.assertEqual(weights_digest(Source(arrays)), DIGEST)
        bias = arrays["bert/pooler/dense/bias"]
        changed = {**arrays, "bert/pooler/dense/bias": np.nextafter(bias, np.float32(9))}
        self.assertNotEqual(weights_digest(Source(changed)), DIGEST)
        renamed = {name + "x": array for name, array in arrays.items()}
        self.assertNotEqual(weights_digest(Source(renamed)), DIGEST)

    def test_huggingface_folder_gives_the_reference_outputs_in_transformers(self):
        torch = pytest.importorskip("torch")
        transformers = pytest.importorskip("transformers")
        folder = str(self.folder / "made")
        convert(ConversionSettings(str(self.checkpoint), folder, "huggingface"))
        model = transformers.AutoModelForPreTraining.from_pretrained(folder).eval()
        inputs, outputs = golden_source.inputs_and_outputs()
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
        self.assertAllClose(sequence[real], outputs["sequence_output"][real], rtol=0, atol=1e-5)
        self.assertAllClose(
            golden_source.log_softmax(made.seq_relationship_logits),
            outputs["next_sentence_log_probs"],
            rtol=0,
            atol=1e-5,
        )
        rows = np.arange(len(sequence))[:, None], inputs["mask_positions"]
        picked = golden_source.log_softmax(made.prediction_logits.numpy()[rows]).reshape(-1, 1200)
        self.assertAllClose(picked, outputs["masked_lm_log_probs"], rtol=0, atol=1e-5)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        ours = BertTokenizer(str(self.checkpoint / "vocab.txt"), do_lower_case=False)
        for text in ("The PATIENT denies chest pain, 2 mg.", "na\u00efve caf\u00e9"):
            ids = [ours.cls_id, *ours.encode(text), ours.sep_id]
            self.assertEqual(tokenizer(text)["input_ids"], ids)

    def test_erf_model_stays_one(self):
        self.configure(hidden_act="gelu_erf")
        convert(ConversionSettings(str(self.checkpoint), str(self.folder / "made"), "huggingface"))
        self.assertEqual(
            json.loads((self.folder / "made" / "config.json").read_text())["hidden_act"], "gelu"
        )
        self.assertEqual(open_checkpoint(self.folder / "made").config.hidden_act, "gelu_erf")
        # The reference knows no such activation, and is not given a model that differs in silence.
        made = convert(ConversionSettings(str(self.checkpoint), str(self.folder / "tf1"), "tf1"))
        said = " ".join(made.remarks)
        self.assertIn("gelu_erf", said)
        self.assertIn("modeling.py does not know", said)
        self.assertEqual(
            json.loads((self.folder / "tf1/bert_config.json").read_text())["hidden_act"], "gelu_erf"
        )

    def test_existing_target_is_refused_and_replaced_only_if_it_is_a_conversion(self):
        made, kept = self.folder / "made", self.folder / "kept"
        convert(ConversionSettings(str(self.checkpoint), str(made), "huggingface"))
        with self.assertRaisesRegex(FileExistsError, r"made, found one.*--overwrite"):
            convert(ConversionSettings(str(self.checkpoint), str(made), "tf1"))
        self.assertTrue((made / "config.json").is_file())
        convert(ConversionSettings(str(self.checkpoint), str(made), "tf1", overwrite=True))
        self.assertFalse((made / "config.json").exists())
        self.assertTrue((made / "bert_config.json").is_file())
        kept.mkdir()
        (kept / "thesis.txt").write_text("years of work")
        with self.assertRaisesRegex(FileExistsError, r"earlier conversion.*found something else"):
            convert(ConversionSettings(str(self.checkpoint), str(kept), "tf1", overwrite=True))
        self.assertEqual((kept / "thesis.txt").read_text(), "years of work")
        self.assertEqual(unfinished(self.folder), [])

    def test_target_that_holds_the_source_is_refused(self):
        before = sorted(path.name for path in self.checkpoint.iterdir())
        for source in (self.checkpoint, self.checkpoint / "model.ckpt-150000"):
            with self.assertRaisesRegex(ValueError, "which holds the source"):
                convert(
                    ConversionSettings(str(source), str(self.checkpoint), "tf1", overwrite=True)
                )
        self.assertEqual(sorted(path.name for path in self.checkpoint.iterdir()), before)

    def test_failed_conversion_leaves_nothing_and_the_earlier_one_in_place(self):
        made = self.folder / "made"
        convert(ConversionSettings(str(self.checkpoint), str(made), "huggingface"))
        before = sorted(path.name for path in made.iterdir())
        (self.checkpoint / "vocab.txt").unlink()
        with self.assertRaisesRegex(FileNotFoundError, r"vocab\.txt"):
            convert(ConversionSettings(str(self.checkpoint), str(made), "tf1", overwrite=True))

        def fail(folder):
            raise OSError("no space")

        self.enter_context(mock.patch.object(target_module, "make_private_and_sync", fail))
        with self.assertRaisesRegex(OSError, "no space"), target_module.new_folder(str(made)):
            pass
        self.assertEqual(sorted(path.name for path in made.iterdir()), before)
        self.assertEqual(unfinished(self.folder), [])

    def test_casing_that_conflicts_is_used_and_said(self):
        settings = ConversionSettings(
            str(self.checkpoint), str(self.folder / "made"), "tf1", do_lower_case=True
        )
        made = convert(settings)
        self.assertIs(made.do_lower_case, True)
        self.assertIn("do_lower_case=False, but do_lower_case=True", " ".join(made.remarks))

    def test_settings_of_other_formats_are_errors(self):
        with self.assertRaisesRegex(ValueError, r"tf1, huggingface, .*received 'pickle'"):
            ConversionSettings("a", "b", "pickle")
        with self.assertRaisesRegex(ValueError, r"max_seq_length.*received it with onnx"):
            ConversionSettings("a", "b", "onnx", max_seq_length=64)

    @parameterized.parameters("tf1", "keras")
    def test_model_without_pooler_is_an_error_where_the_format_needs_one(self, name):
        safetensors = pytest.importorskip("safetensors.numpy")
        folder = self.folder / "huggingface"
        convert(ConversionSettings(str(self.checkpoint), str(folder), "huggingface"))
        tensors = safetensors.load_file(folder / "model.safetensors")
        tensors = {key: array for key, array in tensors.items() if "pooler" not in key}
        safetensors.save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        with self.assertRaisesRegex(ValueError, f"received one without, which the format {name}"):
            convert(ConversionSettings(str(folder), str(self.folder / "made"), name))
        self.assertFalse((self.folder / "made").exists())
        self.assertEqual(unfinished(self.folder), [])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
