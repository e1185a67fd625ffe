import json
import os
import stat

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.inference import extraction
from clinicalbert_tf.inference.layers import build_layers_model, token_function
from clinicalbert_tf.inference.settings import resolve_settings
from clinicalbert_tf.inference.token_features import TokenFeatureExtractor
from clinicalbert_tf.inference.writers import COLUMNS
from clinicalbert_tf.texts.rows import RowSource, read_rows
from tests.support import GOLDEN
from tfrecords_builder.notes.reading import read_notes


@pytest.fixture(scope="module")
def expected_outputs():
    with np.load(GOLDEN / "tf1_checkpoint" / "expected_outputs.npz") as outputs:
        return dict(outputs)


@pytest.fixture
def json_notes(tmp_path, notes):
    """Twelve notes from a few words to many windows, as JSON lines."""
    lengths = (40, 500, 90, 0, 30, 10, 200, 120, 61, 60, 21, 5)
    path = tmp_path / "notes.jsonl"
    with open(path, "w", encoding="utf-8") as file:
        for length, (note_id, category, text) in zip(lengths, notes, strict=False):
            fields = {"note_id": note_id, "category": category, "text": text[:length]}
            file.write(json.dumps(fields) + "\n")
    return path


def settings_for(source, output, layers=None, length=24, stride=7, output_format="auto", **others):
    return resolve_settings(
        RowSource(str(source)),
        str(output),
        output_format,
        length,
        None if str(output).endswith("jsonl") else stride,
        2,
        layers=layers,
        **others,
    )


def run(settings, bert, **others):
    return extraction.extract(settings, bert, read_rows(settings.source, read_notes), **others)


def slow_layers(backbone, token_ids, segment_ids):
    """Every encoder layer's output for one sequence, layer by layer, without padding."""
    token_ids, segment_ids = np.array([token_ids]), np.array([segment_ids])
    tokens = backbone.token_embedding(token_ids)
    hidden = tokens + backbone.position_embedding(tokens) + backbone.segment_embedding(segment_ids)
    hidden = backbone.embeddings_layer_norm(hidden)
    outputs = []
    for layer in backbone.transformer_layers:
        hidden = layer(hidden)
        outputs.append(np.array(hidden[0]))
    return outputs


def slow_vector(bert, text, layers, pooling, size, stride):
    """One note's vector, window by window, and for each token the window with most context."""
    tokenizer = bert.tokenizer
    ids = tokenizer.encode(text)
    starts = [0]
    while starts[-1] + size < len(ids):
        starts.append(min(starts[-1] + stride, len(ids) - size))
    windows = []
    for start in starts:
        tokens = [tokenizer.cls_id, *ids[start : start + size], tokenizer.sep_id]
        outputs = slow_layers(bert.backbone, tokens, [0] * len(tokens))
        windows.append(np.concatenate([outputs[layer] for layer in layers], axis=-1))
    kept = [[] for _ in starts]
    for place in range(len(ids)):
        context = []
        for start in starts:
            end = min(start + size, len(ids))
            left = place - start if start else len(ids)
            right = end - 1 - place if end < len(ids) else len(ids)
            context.append(min(left, right) if start <= place < end else -1)
        best = int(np.argmax(context))
        kept[best].append(windows[best][place - starts[best] + 1])
    kept[0].insert(0, windows[0][0])
    kept[-1].append(windows[-1][-1])
    if pooling == "cls":
        weights = [len(tokens) for tokens in kept]
        return np.average([window[0] for window in windows], axis=0, weights=weights)
    tokens = np.array([token for window in kept for token in window])
    return tokens.mean(0) if pooling == "mean" else tokens.max(0)


def test_layers_equal_the_reference_outputs(bert, expected_outputs):
    inputs = {
        name: expected_outputs[f"input_{given}"]
        for name, given in (
            ("token_ids", "input_ids"),
            ("segment_ids", "segment_ids"),
            ("padding_mask", "input_mask"),
        )
    }
    hidden = token_function(bert.backbone, (-1, 0))(inputs)["hidden"].numpy()
    real = expected_outputs["input_input_mask"].astype(bool)
    for place, name in enumerate(("sequence_output", "layer_1")):
        np.testing.assert_allclose(
            hidden[real][:, place], expected_outputs[name][real], atol=1e-5, rtol=0
        )


def test_the_submodel_ends_at_the_highest_layer_asked_for(bert):
    names = [layer.name for layer in build_layers_model(bert.backbone, (0, -2)).layers]
    assert "transformer_layer_1" in names and "transformer_layer_2" not in names


@pytest.mark.parametrize("layers", [(-4,), (3,), (), (-1, -1)])
def test_layers_that_do_not_exist_are_refused(bert, layers):
    with pytest.raises(ValueError, match="layers from -3 to 2 for a model of 3 encoder layers"):
        build_layers_model(bert.backbone, layers)


@pytest.mark.parametrize(
    ("pooling", "layers"), [("mean", (-1,)), ("cls", (-1, 0)), ("max", (-2, -1))]
)
def test_vectors_equal_those_of_single_notes_without_padding(
    bert, json_notes, tmp_path, pooling, layers
):
    settings = settings_for(json_notes, tmp_path / "out.npz", layers, pooling=pooling)
    report = run(settings, bert)
    notes = [json.loads(line) for line in json_notes.read_text().splitlines()]
    with np.load(tmp_path / "out.npz") as output:
        assert output["note_id"].tolist() == [note["note_id"] for note in notes]
        assert output["category"].tolist() == [note["category"].strip() for note in notes]
        lengths = [len(bert.tokenizer.encode(note["text"])) for note in notes]
        assert output["tokens"].tolist() == [length + 2 for length in lengths]
        assert output["windows"].max() > 10 and output["windows"].min() == 1
        for note, vector in zip(notes, output["vector"], strict=True):
            expected = slow_vector(bert, note["text"], layers, pooling, 22, 7)
            np.testing.assert_allclose(vector, expected, atol=1e-5, rtol=0)
    assert report.rows == len(notes) == 12


def test_json_lines_equal_single_sequences_in_form_and_value(bert, tmp_path):
    texts = ["The patient was admitted with chest pain . " * 5, "BP 120/80 ||| stable", "", "Pain"]
    source, output = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("\n".join(texts) + "\n")
    run(settings_for(source, output, (-1, -3), length=16), bert)
    lines = output.read_text().splitlines()
    tokenizer = bert.tokenizer
    first, second = tokenizer.encode("BP 120/80"), tokenizer.encode("stable")
    expected_ids = [tokenizer.encode(texts[0])[:14], first, [], tokenizer.encode("Pain")]
    for number, (line, ids) in enumerate(zip(lines, expected_ids, strict=True)):
        ids = [tokenizer.cls_id, *ids, tokenizer.sep_id]
        segments = [0] * len(ids)
        if number == 1:
            ids += [*second, tokenizer.sep_id]
            segments += [1] * (len(second) + 1)
        outputs = slow_layers(bert.backbone, ids, segments)
        features = json.loads(line)
        assert list(features) == ["linex_index", "features"]
        assert features["linex_index"] == number
        assert [f["token"] for f in features["features"]] == tokenizer.convert_ids_to_tokens(ids)
        for place, feature in enumerate(features["features"]):
            assert list(feature) == ["token", "layers"]
            assert [layer["index"] for layer in feature["layers"]] == [-1, -3]
            for layer in feature["layers"]:
                np.testing.assert_allclose(
                    layer["values"], outputs[layer["index"]][place], atol=1.1e-5, rtol=0
                )
                assert all(round(value, 6) == value for value in layer["values"])
        # The bytes that the reference's json.dumps gives.
        assert line == json.dumps(features)


def test_all_formats_hold_the_same_rows(bert, json_notes, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    names = ("out.npz", "out.parquet", "out.tfrecord", "out.tfrecord.gz")
    for name in names:
        run(settings_for(json_notes, tmp_path / name), bert)
        assert stat.S_IMODE(os.stat(tmp_path / name).st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == sorted([*names, json_notes.name])
    with np.load(tmp_path / "out.npz") as output:
        expected = dict(output)
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.column_names == list(COLUMNS)
    for name in COLUMNS[:-1]:
        assert table[name].to_pylist() == expected[name].tolist()
    np.testing.assert_array_equal(table["vector"].to_pylist(), expected["vector"])
    for name, compression in (("out.tfrecord", ""), ("out.tfrecord.gz", "GZIP")):
        features = {
            "note_id": tf.io.FixedLenFeature([], tf.string),
            "windows": tf.io.FixedLenFeature([], tf.int64),
            "vector": tf.io.FixedLenFeature([48], tf.float32),
        }
        dataset = tf.data.TFRecordDataset(str(tmp_path / name), compression).batch(100)
        (parsed,) = [tf.io.parse_example(batch, features) for batch in dataset]
        assert parsed["note_id"].numpy().astype(str).tolist() == expected["note_id"].tolist()
        np.testing.assert_array_equal(parsed["windows"], expected["windows"])
        np.testing.assert_array_equal(parsed["vector"], expected["vector"])


@pytest.mark.parametrize("name", ["out.npz", "out.jsonl"])
def test_an_interrupted_run_goes_on_and_gives_the_same_bytes(
    bert, json_notes, tmp_path, monkeypatch, name
):
    monkeypatch.setattr(extraction, "VECTOR_BLOCK_TOKENS", 100)
    monkeypatch.setattr(extraction, "LINE_BLOCK_TOKENS", 60)
    whole, broken = tmp_path / f"whole.{name}", tmp_path / f"broken.{name}"
    run(settings_for(json_notes, whole), bert)
    settings = settings_for(json_notes, broken)

    def stop_after(rows):
        for number, row in enumerate(read_rows(settings.source, read_notes)):
            if number == 7:
                raise KeyboardInterrupt
            yield row

    with pytest.raises(KeyboardInterrupt):
        extraction.extract(settings, bert, stop_after(json_notes))
    assert not broken.exists()
    report = run(settings, bert)
    assert 0 < report.resumed_rows <= 7 and report.rows == 12
    assert not os.path.exists(f"{broken}.parts")
    if name == "out.npz":
        with np.load(whole) as first, np.load(broken) as second:
            for column in COLUMNS:
                np.testing.assert_array_equal(first[column], second[column])
    else:
        assert whole.read_bytes() == broken.read_bytes()


def test_a_changed_input_or_model_is_not_mixed_into_finished_parts(
    bert, json_notes, tmp_path, monkeypatch
):
    monkeypatch.setattr(extraction, "VECTOR_BLOCK_TOKENS", 100)
    settings = settings_for(json_notes, tmp_path / "out.npz")

    def fail(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(extraction, "write_output", fail)
        with pytest.raises(OSError, match="disk full"):
            run(settings, bert)
    json_notes.write_text(json_notes.read_text().replace("patient", "person"))
    with pytest.raises(ValueError, match=r"input_sha256.*--restart"):
        run(settings, bert)
    assert run(settings, bert, restart=True).resumed_rows == 0


def test_the_projector_gets_ids_and_categories_but_no_text(bert, json_notes, tmp_path):
    folder = tmp_path / "projector"
    settings = settings_for(
        json_notes, tmp_path / "out.npz", projector=str(folder), projector_rows=5
    )
    assert run(settings, bert).projector_rows == 5
    with np.load(tmp_path / "out.npz") as output:
        expected = dict(output)
    np.testing.assert_allclose(
        np.loadtxt(folder / "tensors.tsv", delimiter="\t"), expected["vector"][:5], rtol=1e-6
    )
    metadata = [line.split("\t") for line in (folder / "metadata.tsv").read_text().splitlines()]
    assert metadata[0] == ["note_id", "sentence", "category"]
    assert [row[0] for row in metadata[1:]] == expected["note_id"][:5].tolist()
    assert [row[2] for row in metadata[1:]] == expected["category"][:5].tolist()
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700

    from google.protobuf import text_format
    from tensorboard.plugins.projector import ProjectorConfig

    config = text_format.Parse(
        (folder / "projector_config.pbtxt").read_text(), ProjectorConfig()
    ).embeddings[0]
    assert (config.tensor_path, config.metadata_path) == ("tensors.tsv", "metadata.tsv")


def test_the_projector_shows_text_only_when_asked(bert, json_notes, tmp_path):
    folder = tmp_path / "projector"
    run(
        settings_for(json_notes, tmp_path / "out.npz", projector=str(folder), projector_text=True),
        bert,
    )
    metadata = [line.split("\t") for line in (folder / "metadata.tsv").read_text().splitlines()]
    note = json.loads(json_notes.read_text().splitlines()[1])
    assert metadata[0][-1] == "text"
    assert metadata[2][-1] == " ".join(note["text"][:120].split())


def test_more_tokens_than_positions_and_an_empty_input_are_refused(bert, json_notes, tmp_path):
    with pytest.raises(ValueError, match=r"at most 128 tokens.* received 129"):
        run(settings_for(json_notes, tmp_path / "out.npz", length=129), bert)
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    with pytest.raises(ValueError, match=r"at least one text in .*empty\.txt"):
        run(settings_for(empty, tmp_path / "out.npz"), bert)
    assert not os.path.exists(tmp_path / "out.npz.parts")


def test_one_graph_serves_all_lengths(bert, json_notes, tmp_path, monkeypatch):
    made = []
    original = TokenFeatureExtractor.__init__

    def remember(self, *arguments):
        original(self, *arguments)
        made.append(self)

    monkeypatch.setattr(TokenFeatureExtractor, "__init__", remember)
    run(settings_for(json_notes, tmp_path / "out.jsonl"), bert)
    assert made[0]._predictor._graph.experimental_get_tracing_count() == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
