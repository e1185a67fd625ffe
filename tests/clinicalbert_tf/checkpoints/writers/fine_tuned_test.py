"""Fine-tuned models into every format and back: equal logits, with their labels."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

import clinicalbert_tf
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.task_file import TaskDescription, write_task
from clinicalbert_tf.checkpoints.vocabulary_check import settle_casing
from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_classifier, build_span_model, build_tagger

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


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """{task: (output folder as training leaves it, its logits)}."""
    made = {}
    for name, (task, build) in TASKS.items():
        folder = tmp_path_factory.mktemp("runs") / name
        folder.mkdir()
        model = build()
        model.head.bias.assign(np.linspace(-1.0, 1.0, model.head.bias.shape[0]))
        if name == "crf_tagger":
            model.crf_scores.follow.assign(np.arange(9.0).reshape(3, 3))
        write_tf1_checkpoint(model, folder / "model.ckpt-30", {"global_step": np.int64(30)})
        CONFIG.write(folder / "bert_config.json")
        (folder / "vocab.txt").write_text("".join(f"{row}\n" for row in VOCABULARY))
        write_task(str(folder), task)
        made[name] = (str(folder), {k: np.asarray(v) for k, v in model(INPUTS).items()})
    return made


def assert_equal_logits(found, expected, atol=1e-5):
    assert set(found) >= set(expected)
    for name, logits in expected.items():
        np.testing.assert_allclose(np.asarray(found[name]), logits, atol=atol, err_msg=name)


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("classifier", "tf1"),
        ("tagger", "tf1"),
        ("crf_tagger", "tf1"),
        ("crf_tagger", "huggingface"),
        ("crf_tagger", "keras"),
        ("span", "huggingface"),
        ("span", "tf1"),
        ("multi", "keras"),
    ],
)
def test_there_and_back_keeps_logits_labels_and_settings(runs, tmp_path, name, format_name):
    folder, logits = runs[name]
    made = convert(ConversionSettings(folder, str(tmp_path / "made"), format_name))
    assert made.left_out == ()
    said = " ".join(made.remarks)
    assert ("reference_variables.safetensors" in said) == (format_name == "keras")
    bert = clinicalbert_tf.from_pretrained(made.target)
    assert bert.task == TASKS[name][0]
    assert bert.tokenizer.do_lower_case is True
    assert_equal_logits(bert.task_model(INPUTS), logits, 0)


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("classifier", "BertForSequenceClassification"),
        ("multi", "BertForSequenceClassification"),
        ("regression", "BertForSequenceClassification"),
        ("tagger", "BertForTokenClassification"),
        ("crf_tagger", "BertForTokenClassification"),
        ("span", "BertForQuestionAnswering"),
    ],
)
def test_transformers_gives_equal_logits_and_what_it_saves_is_read(
    runs, tmp_path, name, class_name
):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder, expected = runs[name]
    made = convert(ConversionSettings(folder, str(tmp_path / "made"), "huggingface"))
    model = getattr(transformers, class_name).from_pretrained(made.target).eval()
    assert type(model).__name__ in model.config.architectures
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
        assert any("no CRF" in remark for remark in made.remarks)
    assert_equal_logits({key: found[key] for key in expected}, expected)
    task = TASKS[name][0]
    if task.labels:
        assert model.config.id2label == dict(enumerate(task.labels))
    # A folder of transformers alone has no labels.json.
    model.save_pretrained(tmp_path / "theirs")
    shutil.copy(os.path.join(folder, "vocab.txt"), tmp_path / "theirs")
    bert = clinicalbert_tf.from_pretrained(tmp_path / "theirs")
    assert (bert.task.head, bert.labels) == (task.head.removeprefix("crf_"), task.labels)
    assert bert.task.problem_type == task.problem_type
    assert_equal_logits(bert.task_model(INPUTS), expected)


@pytest.mark.parametrize("name", list(TASKS))
def test_onnx_gives_equal_logits(runs, tmp_path, name):
    onnxruntime = pytest.importorskip("onnxruntime")
    folder, expected = runs[name]
    made = convert(ConversionSettings(folder, str(tmp_path / "made"), "onnx"))
    assert made.left_out == ()
    session = onnxruntime.InferenceSession(os.path.join(made.target, "model.onnx"))
    outputs = [output.name for output in session.get_outputs()]
    assert_equal_logits(dict(zip(outputs, session.run(None, INPUTS), strict=True)), expected)
    assert "labels.json" in os.listdir(made.target)
    assert any("crf_follow" in remark for remark in made.remarks) == (name == "crf_tagger")


def test_onnx_in_8_bits_stores_matrices_as_bytes_and_is_nearly_equal(runs, tmp_path):
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    folder, expected = runs["classifier"]
    settings = ConversionSettings(folder, str(tmp_path / "made"), "onnx", quantize="int8")
    made = convert(settings)
    assert any("8 bits" in remark for remark in made.remarks)
    path = os.path.join(made.target, "model.onnx")
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(["logits"], INPUTS)
    assert not np.array_equal(found, expected["logits"])
    np.testing.assert_allclose(found, expected["logits"], atol=0.2)
    kinds = {i.name: i.data_type for i in onnx.load(path).graph.initializer}
    matrices = [kind for name, kind in kinds.items() if name.endswith("kernel_quantized")]
    # Six in each of two layers, and the pooler.
    assert matrices == [onnx.TensorProto.INT8] * 13
    assert kinds["bert/embeddings/word_embeddings"] == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("name", ["multi", "span", pytest.param("tagger", marks=pytest.mark.large)])
def test_a_saved_model_takes_ids_and_texts(runs, tmp_path, name):
    folder, expected = runs[name]
    made = convert(ConversionSettings(folder, str(tmp_path / "made"), "saved_model"))
    assert made.left_out == ()
    signatures = tf.saved_model.load(made.target).signatures
    ids = signatures["ids"](**{key: tf.constant(value) for key, value in INPUTS.items()})
    assert_equal_logits(ids, expected)
    source = settle_casing(open_checkpoint(folder))
    if name == "tagger":
        probabilities = tf.nn.softmax(expected["logits"])
        np.testing.assert_allclose(ids["probabilities"], probabilities, atol=1e-5)
    if name == "multi":
        probabilities = tf.sigmoid(expected["logits"] / 2.0)
        np.testing.assert_allclose(ids["probabilities"], probabilities, atol=1e-5)
    one, two = "The patient denies pain.", "No fever"
    bert = clinicalbert_tf.from_pretrained(folder)
    pieces = [source.tokenizer().encode(text) for text in (one, two)]
    tokens = [2, *pieces[0], 3, *pieces[1], 3]
    given = {
        "token_ids": np.array([tokens], np.int32),
        "segment_ids": np.array([[0] * (len(pieces[0]) + 2) + [1] * (len(pieces[1]) + 1)], "i4"),
        "padding_mask": np.ones((1, len(tokens)), np.int32),
    }
    if name == "span":
        texts = {"question": one, "context": two}
        found = signatures["serving_default"](**{k: tf.constant([v]) for k, v in texts.items()})
        assert found["token_ids"].numpy().tolist() == [tokens]
        assert_equal_logits(found, bert.task_model(given))
        return
    if name != "tagger":
        found = signatures["pair"](text=tf.constant([one]), text_b=tf.constant([two]))
        assert_equal_logits(found, bert.task_model(given))
    alone = {key: value[:, : len(pieces[0]) + 2] for key, value in given.items()}
    found = signatures["serving_default"](text=tf.constant([one]))
    assert_equal_logits(found, bert.task_model(alone))


@pytest.mark.large
def test_a_saved_model_is_checked_in_a_process_with_tensorflow_alone(runs, tmp_path):
    folder = runs["classifier"][0]
    settings = ConversionSettings(folder, str(tmp_path / "m"), "saved_model", serve_check=True)
    assert "TensorFlow alone: outputs on ids differ" in convert(settings).remarks[-1]


def test_settings_of_one_format_are_refused_for_others():
    for name, value in (("quantize", "int8"), ("serve_check", True), ("max_seq_length", 8)):
        with pytest.raises(ValueError, match=f"Expected --{name} with --format="):
            ConversionSettings("a", "b", "tf1", **{name: value})
    with pytest.raises(ValueError, match="--quantize to be int8"):
        ConversionSettings("a", "b", "onnx", quantize="int4")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
