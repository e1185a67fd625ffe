import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

import clinicalbert_tf
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert
from clinicalbert_tf.checkpoints.writers.graph_tokenizer import GraphTokenizer
from tests import support
from tests.clinicalbert_tf.checkpoints.writers import golden_source
from tfrecords_builder.tokenization import BertTokenizer

TEXTS = [
    "The patient was admitted with SHORTNESS OF BREATH.",
    "",
    "BP 120/80, [**2150-1-1**]; denies\tpain\x07ful [MASK] swelling\r\n",
    "word " * 400,
    "x" * 200 + " " + "x" * 201,
]


_FRESH = """
import sys
sys.modules["tensorflow_text"] = None
import numpy as np, tensorflow as tf
folder, texts, ids, out = sys.argv[1:]
model = tf.saved_model.load(folder)
texts = tf.constant(list(np.load(texts)))
made = {}
for name in ("serving_default", "sequence", "masked_lm"):
    for key, value in model.signatures[name](text=texts).items():
        array = value.numpy()
        made[f"{name}/{key}"] = array.astype("S") if array.dtype == object else array
inputs = {k: tf.constant(v) for k, v in np.load(ids).items()}
for key, value in model.signatures["pretraining"](**inputs).items():
    made[f"pretraining/{key}"] = value.numpy()
inputs.pop("mask_positions")
for key, value in model.signatures["tokenized"](**inputs).items():
    made[f"tokenized/{key}"] = value.numpy()
for key, value in model.weights.items():
    made[f"weights/{key}"] = value.numpy()
np.savez(out, **made)
"""


def run_fresh(folder, texts, inputs, tmp_path):
    """The outputs of a process that knows nothing of this package."""
    np.save(tmp_path / "texts.npy", np.array([text.encode() for text in texts]))
    np.savez(tmp_path / "ids.npz", **inputs)
    paths = [folder, *(str(tmp_path / n) for n in ("texts.npy", "ids.npz", "made.npz"))]
    subprocess.run([sys.executable, "-c", _FRESH, *paths], check=True, cwd=tmp_path)
    return dict(np.load(tmp_path / "made.npz"))


def python_path(bert, text, max_seq_length):
    tokenizer = bert.tokenizer
    pieces = tokenizer.encode(text)[: max_seq_length - 2]
    ids = np.array([[tokenizer.cls_id, *pieces, tokenizer.sep_id]], np.int32)
    inputs = {
        "token_ids": ids,
        "segment_ids": np.zeros_like(ids),
        "padding_mask": np.ones_like(ids),
    }
    return ids[0], bert.backbone(inputs)


class SavedModelTest(golden_source.GoldenSourceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = support.GOLDEN / "vocab"
        made = [
            BertTokenizer(str(folder / f"{n}.txt"), n == "uncased") for n in ("cased", "uncased")
        ]
        cls.tokenizers = [(tokenizer, GraphTokenizer(tokenizer, 32)) for tokenizer in made]
        for _, graph in cls.tokenizers:
            # Once traced, a text takes milliseconds.
            graph.traced = tf.function(
                graph.tokenize, input_signature=[tf.TensorSpec([None], tf.string)]
            )

    @settings(max_examples=60, deadline=None)
    @given(texts=st.lists(st.text(st.characters(max_codepoint=127)), min_size=1, max_size=20))
    def test_graph_tokenization_is_exact_on_ascii(self, texts):
        for tokenizer, graph in self.tokenizers:
            self.assertEqual(
                graph.traced(tf.constant(texts)).to_list(),
                [tokenizer.encode(text) for text in texts],
            )

    def test_graph_tokenization_equals_the_reference_on_all_golden_lines(self):
        lines = [
            json.loads(line)
            for line in (support.GOLDEN / "tokenization" / "expected.jsonl").open(encoding="utf-8")
        ]
        texts = [line["text"] for line in lines]
        self.assertLen(texts, 643)
        self.assertFalse(all(text.isascii() for text in texts))
        for (_, graph), casing in zip(self.tokenizers, ("cased", "uncased"), strict=True):
            self.assertEqual(
                graph.traced(tf.constant(texts)).to_list(), [line[casing]["ids"] for line in lines]
            )

    def test_bytes_that_are_no_text_are_left_out_and_long_words_are_unknown(self):
        for tokenizer, graph in self.tokenizers:
            self.assertEqual(
                graph.traced(tf.constant([b"pa\xffin"])).to_list(), [tokenizer.encode("pain")]
            )
            self.assertEqual(graph.traced(tf.constant(["x" * 201])).to_list(), [[tokenizer.unk_id]])
            self.assertEqual(
                graph.traced(tf.constant(["x" * 200])).to_list(), [tokenizer.encode("x" * 200)]
            )

    def test_packing_cuts_off_frames_and_pads(self):
        tokenizer, graph = self.tokenizers[0]
        packed = graph.pack(graph.traced(tf.constant(["pain", "pain " * 100])))
        long = packed["token_ids"][1].numpy().tolist()
        self.assertLen(long, 32)
        self.assertEqual(long[0], tokenizer.cls_id)
        self.assertEqual(long[-1], tokenizer.sep_id)
        count = len(tokenizer.encode("pain")) + 2
        self.assertEqual(packed["padding_mask"].numpy().sum(axis=1).tolist(), [count, 32])
        self.assertEqual(
            packed["token_ids"][0, count:].numpy().tolist(), [tokenizer.pad_id] * (32 - count)
        )
        self.assertFalse(packed["segment_ids"].numpy().any())

    @settings(max_examples=40, deadline=None)
    @given(texts=st.lists(st.text(), min_size=1, max_size=20))
    def test_graph_tokenization_is_exact_beyond_ascii(self, texts):
        for tokenizer, graph in self.tokenizers:
            # The rule of a final sigma is simpler in the graph.
            texts = [text.replace("\u03a3", "") for text in texts]
            self.assertEqual(
                graph.traced(tf.constant(texts)).to_list(),
                [tokenizer.encode(text) for text in texts],
            )

    def test_pairs_are_cut_off_as_in_the_reference(self):
        tokenizer, graph = self.tokenizers[0]
        row = tokenizer.encode("pain")[:1]
        for one, two in ((3, 4), (40, 4), (4, 40), (40, 40), (41, 40), (15, 15), (5, 0), (50, 0)):
            kept = [row * one, row * two]
            # run_classifier.py's _truncate_seq_pair, for 32 tokens.
            while two and sum(map(len, kept)) > 29:
                kept[len(kept[0]) <= len(kept[1])].pop()
            kept[0] = kept[0] if two else kept[0][:30]
            closing = [tokenizer.sep_id] * bool(two)
            expected = [tokenizer.cls_id, *kept[0], tokenizer.sep_id, *kept[1], *closing]
            packed = graph.pack(*(tf.ragged.constant([row * n], tf.int32) for n in (one, two)))
            self.assertEqual(packed["token_ids"][0].numpy().tolist(), expected, (one, two))
            segments = [0] * (len(kept[0]) + 2) + [1] * (len(kept[1]) + len(closing))
            self.assertEqual(packed["segment_ids"][0].numpy().tolist(), segments)
            self.assertEqual(packed["padding_mask"][0].numpy().tolist(), [1] * len(expected))

    def test_masks_in_text_become_one_wordpiece_each(self):
        tokenizer, graph = self.tokenizers[0]
        rows = graph.tokenize_with_masks(tf.constant(["[MASK]no pain[MASK][MASK]", "", "pain"]))
        mask = tokenizer.mask_id
        no_pain = tokenizer.encode("no pain")
        self.assertEqual(
            rows.to_list(), [[mask, *no_pain, mask, mask], [], tokenizer.encode("pain")]
        )

    @parameterized.parameters(True, False)
    @pytest.mark.large
    def test_fresh_process_gives_the_outputs_of_the_python_path(self, cased):
        checkpoint = self.checkpoint if cased else self.uncased_checkpoint
        made = convert(
            ConversionSettings(str(checkpoint), str(self.folder / "made"), "saved_model")
        )
        inputs, outputs = golden_source.inputs_and_outputs()
        found = run_fresh(made.target, TEXTS, inputs, self.folder)
        bert = clinicalbert_tf.from_pretrained(checkpoint)
        self.assertIsNot(bert.tokenizer.do_lower_case, cased)
        for row, text in enumerate(TEXTS):
            ids, encoded = python_path(bert, text, 128)
            length = len(ids)
            self.assertEqual(found["sequence/token_ids"][row].tolist()[:length], ids.tolist())
            self.assertEqual(found["sequence/padding_mask"][row].sum(), length)
            sequence = np.asarray(encoded["sequence_output"][0])
            self.assertAllClose(
                found["sequence/sequence_output"][row, :length], sequence, rtol=0, atol=1e-5
            )
            self.assertAllClose(
                found["serving_default/sentence_vector"][row],
                sequence.mean(axis=0),
                rtol=0,
                atol=1e-5,
            )
            self.assertAllClose(
                found["serving_default/pooled_output"][row],
                encoded["pooled_output"][0],
                rtol=0,
                atol=1e-5,
            )
        for name in ("sequence_output", "pooled_output"):
            self.assertAllClose(found[f"tokenized/{name}"], outputs[name], rtol=0, atol=1e-5)
        masked = golden_source.log_softmax(found["pretraining/mlm_logits"]).reshape(-1, 1200)
        self.assertAllClose(masked, outputs["masked_lm_log_probs"], rtol=0, atol=1e-5)
        before = open_checkpoint(checkpoint).tensors
        self.assertEqual(
            {n for n in found if n.startswith("weights/")}, {f"weights/{n}" for n in before}
        )
        for name in before:
            stored = found[f"weights/{name}"]
            if name == "cls/seq_relationship/output_weights":
                stored = stored.T
            self.assertAllEqual(stored.reshape(before[name].shape), before[name], msg=name)
        # The third text has the only [MASK].
        positions = found["masked_lm/mask_positions"]
        self.assertEqual(positions.shape, (5, 1))
        self.assertEqual(
            (positions[:, 0] > 0).tolist(),
            [
                False,
                False,
                True,
                False,
                False,
            ],
        )
        self.check_fill(bert, TEXTS[2], found, 2)

    def check_fill(self, bert, text, found, row):
        tokenizer = bert.tokenizer
        left, right = text.split("[MASK]")
        ids = [
            tokenizer.cls_id,
            *tokenizer.encode(left),
            tokenizer.mask_id,
            *tokenizer.encode(right),
        ]
        ids = np.array([[*ids, tokenizer.sep_id]], np.int32)
        position = len(tokenizer.encode(left)) + 1
        logits = bert.pretraining_model(
            {
                "token_ids": ids,
                "segment_ids": np.zeros_like(ids),
                "padding_mask": np.ones_like(ids),
                "mask_positions": np.array([[position]], np.int32),
            }
        )["mlm_logits"]
        probabilities = tf.nn.softmax(logits)[0, 0].numpy()
        best = np.argsort(-probabilities)[:10]
        self.assertEqual(found["masked_lm/mask_positions"][row, 0], position)
        self.assertAllClose(
            found["masked_lm/probabilities"][row, 0], probabilities[best], rtol=0, atol=1e-6
        )
        words = [word.decode() for word in found["masked_lm/wordpieces"][row, 0]]
        self.assertEqual(words, tokenizer.convert_ids_to_tokens(best.tolist()))

    @parameterized.parameters((("pooler", "cls"),), (("pooler", "seq_relationship"),))
    @pytest.mark.large
    def test_model_without_its_pooler_has_fewer_signatures_and_outputs(self, left_out):
        safetensors = pytest.importorskip("safetensors.numpy")
        folder = self.folder / "huggingface"
        convert(ConversionSettings(str(self.checkpoint), str(folder), "huggingface"))
        tensors = safetensors.load_file(folder / "model.safetensors")
        tensors = {k: a for k, a in tensors.items() if not any(part in k for part in left_out)}
        safetensors.save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        settings = ConversionSettings(
            str(folder), str(self.folder / "made"), "saved_model", max_seq_length=16
        )
        made = convert(settings)
        model = tf.saved_model.load(made.target)
        masked = "cls" not in left_out
        self.assertEqual(
            set(model.signatures),
            {"serving_default", "sequence", "tokenized"}
            | ({"masked_lm", "pretraining"} if masked else set()),
        )
        outputs = model.signatures["serving_default"](text=tf.constant(["pain " * 50]))
        self.assertEqual(set(outputs), {"sentence_vector"})
        sequence = model.signatures["sequence"](text=tf.constant(["pain " * 50]))
        self.assertEqual(sequence["token_ids"].shape, (1, 16))
        self.assertLen(model.weights, made.arrays)
        self.assertEqual(made.arrays, 58 if masked else 53)
        readme = (self.folder / "made" / "README.txt").read_text()
        self.assertIs("masked_lm" in readme, masked)
        self.assertIn("first 16 tokens", readme)
        self.assertIn("ASCII", readme)

    def test_length_beyond_the_positions_is_an_error(self):
        for length in (2, 129):
            settings = ConversionSettings(
                str(self.checkpoint),
                str(self.folder / "made"),
                "saved_model",
                max_seq_length=length,
            )
            with self.assertRaisesRegex(ValueError, rf"from 3 to 128, .*received {length}"):
                convert(settings)
        self.assertFalse((self.folder / "made").exists())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
