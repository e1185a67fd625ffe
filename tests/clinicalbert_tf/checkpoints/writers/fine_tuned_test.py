"""Fine-tuned models into every format and back: equal logits, with their labels."""

import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

import clinicalbert_tf
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.task_file import TaskDescription, write_task
from clinicalbert_tf.checkpoints.vocabulary_check import settle_casing
from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_classifier, build_span_model, build_tagger
from tests import support

WORDS = ["the", "patient", "denies", "pain", "and", "has", "fever", "no", "cough", "chest"]
LETTERS = [*"abcdefghijklmnopqrstuvwxyz."]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *WORDS]
CONFIG = BertConfig(
    vocab_size=len(VOCABULARY),
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=24,
    type_vocab_size=2,
    initializer_range=0.4,
)
TASKS = {
    "classifier": (
        TaskDescription("classifier", ("01", "NA", "none"), "single", "mednli", max_seq_length=20),
        lambda: build_classifier(CONFIG, 3),
    ),
    "multi": (
        TaskDescription("classifier", ("a", "b"), "multi", settings={"temperature": 2.0}),
        lambda: build_classifier(CONFIG, 2),
    ),
    "regression": (
        TaskDescription("classifier", ("score",), "regression"),
        lambda: build_classifier(CONFIG, 1),
    ),
    "tagger": (TaskDescription("tagger", ("O", "B-problem")), lambda: build_tagger(CONFIG, 2)),
    "crf_tagger": (
        TaskDescription("crf_tagger", ("O", "B-x", "I-x")),
        lambda: build_tagger(CONFIG, 3, crf=True),
    ),
    "span": (
        TaskDescription("span", settings={"n_best_size": 5}),
        lambda: build_span_model(CONFIG),
    ),
}
MASK = np.array([[1] * 9, [1] * 6 + [0] * 3], np.int32)
INPUTS = {
    "token_ids": np.array([[2, *range(31, 37), 5, 3], [2, 33, 34, 6, 35, 3, 0, 0, 0]], np.int32),
    "segment_ids": np.array([[0] * 4 + [1] * 5, [0] * 9], np.int32),
    "padding_mask": MASK,
}


def finished_run(folder, name, task, build):
    """(an output folder as training leaves it, its logits)"""
    folder.mkdir()
    model = build()
    model.head.bias.assign(np.linspace(-1.0, 1.0, model.head.bias.shape[0]))
    if name == "crf_tagger":
        model.crf_scores.follow.assign(np.arange(9.0).reshape(3, 3))
    write_tf1_checkpoint(model, folder / "model.ckpt-30", {"global_step": np.int64(30)})
    CONFIG.write(folder / "bert_config.json")
    (folder / "vocab.txt").write_text("".join(f"{row}\n" for row in VOCABULARY))
    write_task(str(folder), task)
    return str(folder), {key: np.asarray(value) for key, value in model(INPUTS).items()}


class FineTunedTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        """runs: {task: (output folder as training leaves it, its logits)}."""
        super().setUpClass()
        folder = support.class_folder(cls)
        cls.runs = {
            name: finished_run(pathlib.Path(folder, name), name, *task)
            for name, task in TASKS.items()
        }

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())

    def assert_equal_logits(self, found, expected, atol=1e-5):
        self.assertGreaterEqual(set(found), set(expected))
        for name, logits in expected.items():
            self.assertAllClose(np.asarray(found[name]), logits, rtol=0, atol=atol, msg=name)

    @parameterized.parameters(
        ("classifier", "tf1"),
        ("tagger", "tf1"),
        ("crf_tagger", "tf1"),
        ("crf_tagger", "huggingface"),
        ("crf_tagger", "keras"),
        ("span", "huggingface"),
        ("span", "tf1"),
        ("multi", "keras"),
    )
    def test_there_and_back_keeps_logits_labels_and_settings(self, name, format_name):
        folder, logits = self.runs[name]
        made = convert(ConversionSettings(folder, str(self.folder / "made"), format_name))
        self.assertEqual(made.left_out, ())
        said = " ".join(made.remarks)
        self.assertEqual("reference_variables.safetensors" in said, format_name == "keras")
        bert = clinicalbert_tf.from_pretrained(made.target)
        self.assertEqual(bert.task, TASKS[name][0])
        self.assertIs(bert.tokenizer.do_lower_case, True)
        self.assert_equal_logits(bert.task_model(INPUTS), logits, 0)

    @parameterized.parameters(
        ("classifier", "BertForSequenceClassification"),
        ("multi", "BertForSequenceClassification"),
        ("regression", "BertForSequenceClassification"),
        ("tagger", "BertForTokenClassification"),
        ("crf_tagger", "BertForTokenClassification"),
        ("span", "BertForQuestionAnswering"),
    )
    def test_transformers_gives_equal_logits_and_what_it_saves_is_read(self, name, class_name):
        torch = pytest.importorskip("torch")
        transformers = pytest.importorskip("transformers")
        folder, expected = self.runs[name]
        made = convert(ConversionSettings(folder, str(self.folder / "made"), "huggingface"))
        model = getattr(transformers, class_name).from_pretrained(made.target).eval()
        self.assertIn(type(model).__name__, model.config.architectures)
        given = {
            theirs: torch.tensor(INPUTS[ours].astype("i8"))
            for ours, theirs in (
                ("token_ids", "input_ids"),
                ("segment_ids", "token_type_ids"),
                ("padding_mask", "attention_mask"),
            )
        }
        with torch.no_grad():
            found = model(**given)
        if name == "crf_tagger":
            expected = {"logits": expected["logits"]}
            self.assertTrue(any("no CRF" in remark for remark in made.remarks))
        self.assert_equal_logits({key: found[key] for key in expected}, expected)
        task = TASKS[name][0]
        if task.labels:
            self.assertEqual(model.config.id2label, dict(enumerate(task.labels)))
        # A folder of transformers alone has no labels.json.
        model.save_pretrained(self.folder / "theirs")
        shutil.copy(os.path.join(folder, "vocab.txt"), self.folder / "theirs")
        bert = clinicalbert_tf.from_pretrained(self.folder / "theirs")
        self.assertEqual(
            (bert.task.head, bert.labels), (task.head.removeprefix("crf_"), task.labels)
        )
        self.assertEqual(bert.task.problem_type, task.problem_type)
        self.assert_equal_logits(bert.task_model(INPUTS), expected)

    @parameterized.parameters(*TASKS)
    def test_onnx_gives_equal_logits(self, name):
        onnxruntime = pytest.importorskip("onnxruntime")
        folder, expected = self.runs[name]
        made = convert(ConversionSettings(folder, str(self.folder / "made"), "onnx"))
        self.assertEqual(made.left_out, ())
        session = onnxruntime.InferenceSession(os.path.join(made.target, "model.onnx"))
        outputs = [output.name for output in session.get_outputs()]
        self.assert_equal_logits(
            dict(zip(outputs, session.run(None, INPUTS), strict=True)), expected
        )
        self.assertIn("labels.json", os.listdir(made.target))
        self.assertEqual(
            any("crf_follow" in remark for remark in made.remarks), name == "crf_tagger"
        )

    def test_onnx_in_8_bits_stores_matrices_as_bytes_and_is_nearly_equal(self):
        onnx = pytest.importorskip("onnx")
        onnxruntime = pytest.importorskip("onnxruntime")
        folder, expected = self.runs["classifier"]
        settings = ConversionSettings(folder, str(self.folder / "made"), "onnx", quantize="int8")
        made = convert(settings)
        self.assertTrue(any("8 bits" in remark for remark in made.remarks))
        path = os.path.join(made.target, "model.onnx")
        session = onnxruntime.InferenceSession(path)
        (found,) = session.run(["logits"], INPUTS)
        self.assertFalse(np.array_equal(found, expected["logits"]))
        self.assertAllClose(found, expected["logits"], rtol=0, atol=0.2)
        kinds = {i.name: i.data_type for i in onnx.load(path).graph.initializer}
        matrices = [kind for name, kind in kinds.items() if name.endswith("kernel_quantized")]
        # Six in each of two layers, and the pooler.
        self.assertEqual(matrices, [onnx.TensorProto.INT8] * 13)
        self.assertEqual(kinds["bert/embeddings/word_embeddings"], onnx.TensorProto.FLOAT)

    @parameterized.parameters("multi", "span")
    @pytest.mark.large
    def test_a_saved_model_takes_ids_and_texts(self, name):
        self.check_saved_model(name)

    @pytest.mark.large
    def test_a_taggers_saved_model_takes_ids_and_texts(self):
        self.check_saved_model("tagger")

    def check_saved_model(self, name):
        folder, expected = self.runs[name]
        made = convert(ConversionSettings(folder, str(self.folder / "made"), "saved_model"))
        self.assertEqual(made.left_out, ())
        signatures = tf.saved_model.load(made.target).signatures
        ids = signatures["ids"](**{key: tf.constant(value) for key, value in INPUTS.items()})
        self.assert_equal_logits(ids, expected)
        source = settle_casing(open_checkpoint(folder))
        if name == "tagger":
            probabilities = tf.nn.softmax(expected["logits"])
            self.assertAllClose(ids["probabilities"], probabilities, rtol=0, atol=1e-5)
        if name == "multi":
            probabilities = tf.sigmoid(expected["logits"] / 2.0)
            self.assertAllClose(ids["probabilities"], probabilities, rtol=0, atol=1e-5)
        one, two = "The patient denies pain.", "No fever"
        bert = clinicalbert_tf.from_pretrained(folder)
        pieces = [source.tokenizer().encode(text) for text in (one, two)]
        tokens = [2, *pieces[0], 3, *pieces[1], 3]
        given = {
            "token_ids": np.array([tokens], np.int32),
            "segment_ids": np.array(
                [[0] * (len(pieces[0]) + 2) + [1] * (len(pieces[1]) + 1)], "i4"
            ),
            "padding_mask": np.ones((1, len(tokens)), np.int32),
        }
        if name == "span":
            texts = {"question": one, "context": two}
            found = signatures["serving_default"](**{k: tf.constant([v]) for k, v in texts.items()})
            self.assertEqual(found["token_ids"].numpy().tolist(), [tokens])
            self.assert_equal_logits(found, bert.task_model(given))
            return
        if name != "tagger":
            found = signatures["pair"](text=tf.constant([one]), text_b=tf.constant([two]))
            self.assert_equal_logits(found, bert.task_model(given))
        alone = {key: value[:, : len(pieces[0]) + 2] for key, value in given.items()}
        found = signatures["serving_default"](text=tf.constant([one]))
        self.assert_equal_logits(found, bert.task_model(alone))

    @pytest.mark.large
    def test_a_saved_model_is_checked_in_a_process_with_tensorflow_alone(self):
        folder = self.runs["classifier"][0]
        settings = ConversionSettings(
            folder, str(self.folder / "m"), "saved_model", serve_check=True
        )
        self.assertIn("TensorFlow alone: outputs on ids differ", convert(settings).remarks[-1])

    def test_settings_of_one_format_are_refused_for_others(self):
        for name, value in (("quantize", "int8"), ("serve_check", True), ("max_seq_length", 8)):
            with self.assertRaisesRegex(ValueError, f"Expected --{name} with --format="):
                ConversionSettings("a", "b", "tf1", **{name: value})
        with self.assertRaisesRegex(ValueError, "--quantize to be int8"):
            ConversionSettings("a", "b", "onnx", quantize="int4")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
