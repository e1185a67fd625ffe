"""Added tokens of Hugging Face folders: ids and pieces of transformers, in and out again."""

import json
import random

import pytest
import tensorflow as tf

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.readers.huggingface_vocabulary import find_vocabulary
from clinicalbert_tf.checkpoints.vocabulary_check import settle_casing
from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert
from clinicalbert_tf.checkpoints.writers.graph_tokenizer import GraphTokenizer
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_backbone
from tfrecords_builder.tokenization import AddedToken, BertTokenizer

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [*"abcdefghijklmnopqrstuvwxyz[]"]
ROWS = [*SPECIALS, *LETTERS, *[f"##{letter}" for letter in LETTERS], "pain", "chest", "fever"]
PARTS = [
    "chest",
    "Covid19",
    "covid19",
    "[DOSE]",
    "[dose]",
    " ",
    "x",
    "zz",
    " pain ",
    "é",
    "中",
    ".",
]


def entry(content, row, **changes):
    flags = {"lstrip": False, "rstrip": False, "normalized": True, "single_word": False}
    return {"content": content, "id": row, "special": False, **flags, **changes}


def added_json(folder, settings):
    rows = {"Covid19": len(ROWS), "[DOSE]": len(ROWS) + 1}
    (folder / "added_tokens.json").write_text(json.dumps(rows))


def special_tokens_map(folder, settings):
    (folder / "special_tokens_map.json").write_text('{"additional_special_tokens": ["fever"]}')


def decoder(folder, settings):
    entries = {
        len(ROWS): entry("Covid19", 0, normalized=False, single_word=True),
        len(ROWS) + 1: entry("[DOSE]", 0, normalized=False, special=True),
    }
    for row in entries:
        entries[row].pop("id")
    settings["added_tokens_decoder"] = entries


WAYS = [added_json, special_tokens_map, decoder]


def folder_of(tmp_path, way, lower=True):
    folder = tmp_path / "model"
    folder.mkdir()
    settings = {"do_lower_case": lower, "tokenizer_class": "BertTokenizer"}
    way(folder, settings)
    (folder / "vocab.txt").write_text("".join(f"{row}\n" for row in ROWS), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "config.json").write_text('{"model_type": "bert"}')
    return folder


def texts(count=300):
    rng = random.Random(5)
    return ["".join(rng.choice(PARTS) for _ in range(rng.randint(1, 8))) for _ in range(count)]


def tokenizer_of(folder, tmp_path):
    found = find_vocabulary(str(folder), tmp_path / "cache")
    return BertTokenizer(found.vocab_file, found.do_lower_case, found.added_tokens)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_ids_and_pieces_are_those_of_transformers(tmp_path, way, lower):
    transformers = pytest.importorskip("transformers")
    folder = folder_of(tmp_path, way, lower)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = tokenizer_of(folder, tmp_path)
    for text in [*texts(), "fever [DOSE] Covid19, xCovid19y"]:
        assert ours.encode(text) == theirs(text, add_special_tokens=False)["input_ids"], text
        assert ours.tokenize(text) == theirs.tokenize(text), text
    # What transformers saves, tokenizer.json included, says the same.
    theirs.save_pretrained(tmp_path / "saved")
    again = tokenizer_of(tmp_path / "saved", tmp_path)
    assert [again.encode(text) for text in texts()] == [ours.encode(text) for text in texts()]


@pytest.mark.parametrize("format_name", ["tf1", "huggingface", "keras", "onnx"])
def test_they_survive_every_format(tmp_path, format_name):
    if format_name == "onnx":
        pytest.importorskip("onnx")
    folder = folder_of(tmp_path, decoder)
    before = tokenizer_of(folder, tmp_path)
    made = convert(
        ConversionSettings(run_folder(tmp_path, folder), str(tmp_path / "m"), format_name)
    )
    said = any("Covid19, [DOSE]" in remark for remark in made.remarks)
    assert said == (format_name != "huggingface")
    if format_name == "onnx":
        return
    after = settle_casing(open_checkpoint(made.target, cache_dir=tmp_path / "cache")).tokenizer()
    assert [after.encode(text) for text in texts()] == [before.encode(text) for text in texts()]
    if format_name == "huggingface":
        transformers = pytest.importorskip("transformers")
        theirs = transformers.AutoTokenizer.from_pretrained(made.target)
        for text in texts():
            assert theirs(text, add_special_tokens=False)["input_ids"] == before.encode(text)


def run_folder(tmp_path, folder):
    """A TF1 folder with the tokenizer's files beside."""
    config = BertConfig(len(ROWS) + 2, 8, 1, 2, 12, max_position_embeddings=16, type_vocab_size=2)
    write_tf1_checkpoint(build_backbone(config), folder / "model.ckpt-1")
    (folder / "config.json").unlink()
    config.write(folder / "bert_config.json")
    return str(folder)


@pytest.mark.parametrize("way", [added_json, decoder])
def test_a_graph_finds_them_too(tmp_path, way):
    ours = tokenizer_of(folder_of(tmp_path, way), tmp_path)
    if way is decoder:
        # A single word cannot be told by TensorFlow's regular expressions.
        kept = tuple(token for token in ours.added_tokens if not token.single_word)
        assert [token.content for token in kept] == ["[DOSE]"]
        alone = AddedToken("Covid19", len(ROWS), single_word=True)
        graph = GraphTokenizer(ours, 16)
        assert alone in ours.added_tokens
        expected = [ours.encode(text) for text in texts() if "Covid19" not in text]
        given = [text for text in texts() if "Covid19" not in text]
    else:
        graph, given = GraphTokenizer(ours, 16), texts()
        expected = [ours.encode(text) for text in given]
    assert graph.tokenize(tf.constant(given)).to_list() == expected


@pytest.mark.parametrize(
    ("content", "row", "named"),
    [
        ("[DOSE]", len(ROWS) + 5, "behind the"),
        ("pain", 3, "its one row"),
        (" x", len(ROWS), "without white space"),
        ("a\nb", len(ROWS), "one line"),
    ],
)
def test_a_token_that_cannot_be_a_row_is_refused_by_name(tmp_path, content, row, named):
    folder = folder_of(tmp_path, special_tokens_map)
    (folder / "added_tokens.json").write_text(json.dumps({content: row}))
    with pytest.raises(ValueError, match=named) as error:
        find_vocabulary(str(folder), tmp_path / "cache")
    assert repr(content) in str(error.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
