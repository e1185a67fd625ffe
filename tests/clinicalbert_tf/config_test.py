import dataclasses
import json
import subprocess
import sys

import pytest

from clinicalbert_tf.config import BertConfig
from tests import support

GOLDEN = support.GOLDEN / "tf1_checkpoint"
GOLDEN_VALUES = json.loads((GOLDEN / "bert_config.json").read_text(encoding="utf-8"))


def test_golden_file_in_and_out_keeps_every_key_and_value(tmp_path):
    config = BertConfig.from_json_file(GOLDEN / "bert_config.json")
    assert config.to_dict() == GOLDEN_VALUES
    assert config.head_size == 12
    config.write(tmp_path / "bert_config.json")
    assert [path.name for path in tmp_path.iterdir()] == ["bert_config.json"]
    text = (tmp_path / "bert_config.json").read_text(encoding="utf-8")
    assert json.loads(text) == GOLDEN_VALUES
    assert text == config.to_json_string()
    assert BertConfig.from_json_file(tmp_path / "bert_config.json") == config


def test_defaults_are_the_references():
    assert BertConfig(vocab_size=30522).to_dict() == {
        "vocab_size": 30522,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "type_vocab_size": 16,
        "initializer_range": 0.02,
    }


def test_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BertConfig(vocab_size=10).vocab_size = 11


def test_keys_of_the_multilingual_releases_are_accepted_and_ignored():
    extra = {
        "directionality": "bidi",
        "pooler_fc_size": 768,
        "pooler_num_attention_heads": 12,
        "pooler_num_fc_layers": 3,
        "pooler_size_per_head": 128,
        "pooler_type": "first_token_transform",
        # What transformers 2 saved for text generation.
        "do_sample": False,
        "num_beams": 1,
        "eos_token_ids": 0,
    }
    assert BertConfig.from_dict({**GOLDEN_VALUES, **extra}) == BertConfig(**GOLDEN_VALUES)


def test_unknown_and_missing_keys_are_all_named_in_one_error():
    values = {**GOLDEN_VALUES, "hidden_sizes": 48, "layers": 3}
    for name in ("vocab_size", "num_attention_heads", "hidden_act"):
        del values[name]
    with pytest.raises(ValueError) as error:
        BertConfig.from_dict(values, source="folder/bert_config.json")
    message = str(error.value)
    assert message.startswith("folder/bert_config.json")
    assert "unknown keys hidden_sizes, layers" in message
    assert "missing keys vocab_size, num_attention_heads, hidden_act" in message


def test_keys_that_act_in_training_only_may_be_left_out():
    values = dict(GOLDEN_VALUES)
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range"):
        del values[name]
    config = BertConfig.from_dict(values)
    assert config.hidden_dropout_prob == config.attention_probs_dropout_prob == 0.1
    assert config.initializer_range == 0.02


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("vocab_size", 0, "positive whole number"),
        ("vocab_size", "1200", "positive whole number"),
        ("vocab_size", True, "positive whole number"),
        ("num_hidden_layers", 2.5, "positive whole number"),
        ("type_vocab_size", None, "positive whole number"),
        ("hidden_dropout_prob", 1.0, "fraction"),
        ("attention_probs_dropout_prob", -0.1, "fraction"),
        ("attention_probs_dropout_prob", float("nan"), "fraction"),
        ("initializer_range", 0, "above 0"),
        ("hidden_act", "swish", "gelu, gelu_erf, relu, tanh, linear"),
        ("num_attention_heads", 5, "hidden_size 48 and num_attention_heads 5"),
    ],
)
def test_wrong_value_is_named_with_what_was_expected(key, value, expected):
    with pytest.raises(ValueError) as error:
        BertConfig.from_dict({**GOLDEN_VALUES, key: value})
    assert key in str(error.value)
    assert expected in str(error.value)


def test_several_wrong_values_are_all_named():
    with pytest.raises(ValueError, match=r"hidden_size.*received -1.*hidden_act.*received 'x'"):
        BertConfig(vocab_size=5, hidden_size=-1, hidden_act="x")


def test_whole_number_for_a_fraction_is_read_as_one():
    config = BertConfig(vocab_size=5, hidden_dropout_prob=0)
    assert type(config.hidden_dropout_prob) is float


@pytest.mark.parametrize(("content", "named"), [("{", "JSON"), ("[1]", "list"), ("\xff", "JSON")])
def test_file_that_is_no_json_object_is_an_error(tmp_path, content, named):
    path = tmp_path / "bert_config.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError) as error:
        BertConfig.from_json_file(path)
    assert str(path) in str(error.value)
    assert named in str(error.value)


def test_missing_file_is_an_error_that_says_what_to_add(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Copy the one that was\s+released"):
        BertConfig.from_json_file(tmp_path / "bert_config.json")


def test_importing_the_package_loads_no_tensorflow():
    code = (
        "import sys, clinicalbert_tf, clinicalbert_tf.config\n"
        "assert 'from_pretrained' in dir(clinicalbert_tf)\n"
        "print(sorted({'tensorflow', 'keras', 'keras_nlp', 'numpy'} & set(sys.modules)))"
    )
    root = support.ROOT
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert result.stdout.strip() == "[]"


def test_unknown_name_of_the_package_is_an_attribute_error():
    import clinicalbert_tf

    with pytest.raises(AttributeError, match="from_pretraind"):
        clinicalbert_tf.from_pretraind  # noqa: B018


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
