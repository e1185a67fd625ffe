"""BertConfig: what bert_config.json says about a model."""

import dataclasses
import json
import os
from typing import Any

from tfrecords_builder.files import write_private

# What hidden_act may be. "gelu" is BERT's tanh form; "gelu_erf" is the exact form that other
# libraries call "gelu", under a name of its own so that neither is taken for the other.
ACTIVATIONS = ("gelu", "gelu_erf", "relu", "tanh", "linear")

# A wrong guess at one of these is a wrong model: they set a shape, or (the number of heads, the
# activation) change every output while all shapes fit. The others act in training only.
_REQUIRED_KEYS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "max_position_embeddings",
    "type_vocab_size",
)
# Some published files carry these; BERT reads none of them. The first six are of the multilingual
# and Chinese models, the others are what transformers adds or added: from "do_sample" on, how a
# decoder would generate text.
_IGNORED_KEYS = frozenset((
    "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
    "pooler_size_per_head", "pooler_type",
    "architectures", "_name_or_path", "transformers_version", "torch_dtype", "dtype",
    "torchscript", "use_cache", "use_bfloat16", "gradient_checkpointing", "output_past",
    "output_attentions", "output_hidden_states", "return_dict", "id2label", "label2id",
    "num_labels", "_num_labels", "finetuning_task", "problem_type", "language", "name",
    "bos_token_id", "eos_token_id", "sep_token_id", "classifier_dropout", "tokenizer_class",
    "task_specific_params", "prefix", "tf_legacy_loss", "auto_map", "cross_attention_hidden_size",
    "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
    "length_penalty", "max_length", "min_length", "max_new_tokens", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "repetition_penalty",
    "temperature", "top_k", "top_p", "typical_p", "exponential_decay_length_penalty",
    "suppress_tokens", "begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id",
    "remove_invalid_values", "eos_token_ids", "decoder_start_token_id", "output_scores",
    "return_dict_in_generate",
))  # fmt: skip
# These change what is computed, unless they have the value that every BERT has anyway.
_ONLY_AS_IN_BERT: dict[str, Any] = {
    "model_type": "bert",
    "layer_norm_eps": 1e-12,
    "position_embedding_type": "absolute",
    "pad_token_id": 0,
    "chunk_size_feed_forward": 0,
    "tie_word_embeddings": True,
    "is_decoder": False,
    "is_encoder_decoder": False,
    "add_cross_attention": False,
    "pruned_heads": {},
    "quantization_config": None,
}


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """The shape of a BERT model, with the keys and defaults of the reference.

    Attributes:
        vocab_size: rows of the token embedding.
        hidden_size: width of the encoder; a multiple of num_attention_heads.
        num_hidden_layers: encoder layers.
        num_attention_heads: attention heads a layer.
        intermediate_size: width of the feed-forward layer.
        hidden_act: "gelu" (tanh form), "gelu_erf" (exact form), "relu", "tanh" or "linear".
        hidden_dropout_prob: fraction dropped of embeddings and of each sublayer's output.
        attention_probs_dropout_prob: fraction dropped of the attention probabilities.
        max_position_embeddings: rows of the position embedding, the longest sequence in tokens.
        type_vocab_size: rows of the segment embedding.
        initializer_range: standard deviation of the truncated normal initializer.

    Raises:
        ValueError: a value has the wrong type or range; the message names all such keys.

    Source: BERT (Devlin et al. 2018), modeling.py.
    """

    vocab_size: int
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 16
    initializer_range: float = 0.02

    def __post_init__(self):
        problems = _problems(self)
        if problems:
            raise ValueError(
                f"BertConfig: {'; '.join(problems)}. Use the bert_config.json that was released "
                "with the checkpoint, or correct these values."
            )
        for field in dataclasses.fields(self):
            if field.type is float:
                object.__setattr__(self, field.name, float(getattr(self, field.name)))

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str = "bert_config") -> "BertConfig":
        """Reads the keys of a bert_config.json.

        Every key that sets a shape or an output must be there; hidden_dropout_prob,
        attention_probs_dropout_prob and initializer_range may be left out (0.1, 0.1, 0.02). Keys
        that published files add and that change nothing (directionality, pooler_*, model_type,
        layer_norm_eps 1e-12) are ignored, as in the reference.

        Args:
            values: keys and values.
            source: what to call them in an error, for example the file.

        Raises:
            ValueError: unknown keys, missing keys, wrong types or ranges, or a key with which
                something else than BERT is computed; all are named.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(values) - set(names) - _IGNORED_KEYS - set(_ONLY_AS_IN_BERT))
        missing = [name for name in _REQUIRED_KEYS if name not in values]
        problems = []
        if unknown:
            problems.append(f"unknown keys {', '.join(unknown)}")
        if missing:
            problems.append(f"missing keys {', '.join(missing)}")
        problems += [
            f"{key} {values[key]!r} (BERT has {plain!r})"
            for key, plain in _ONLY_AS_IN_BERT.items()
            if values.get(key, plain) not in (plain, None)
        ]
        if problems:
            raise ValueError(
                f"{source}: expected the keys {', '.join(names)}; received {' and '.join(problems)}"
                ". Remove what is unknown, add what is missing (the checkpoint's release has it)."
            )
        try:
            return cls(**{name: values[name] for name in names if name in values})
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None

    @classmethod
    def from_json_file(cls, path: str | os.PathLike) -> "BertConfig":
        """Reads a bert_config.json.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: not JSON, or not a sound configuration (see from_dict).
        """
        path = os.fspath(path)
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f"Expected a bert_config.json, found no file at {path}. Copy the one that was "
                "released with the checkpoint there."
            )
        try:
            with open(path, encoding="utf-8-sig") as file:
                values = json.load(file)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{path}: expected JSON, received something else ({error}). Copy the released "
                "file again."
            ) from None
        if not isinstance(values, dict):
            raise ValueError(
                f"{path}: expected a JSON object of keys and values, received "
                f"{type(values).__name__}. Copy the released file again."
            )
        return cls.from_dict(values, source=path)

    def to_dict(self) -> dict[str, Any]:
        """All keys and values, readable by from_dict and by the reference."""
        return dataclasses.asdict(self)

    def to_json_string(self) -> str:
        """The text of bert_config.json: keys sorted, two spaces per level, a final newline."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def write(self, path: str | os.PathLike) -> None:
        """Writes bert_config.json in one rename."""
        write_private(os.fspath(path), self.to_json_string())


def _problems(config: BertConfig) -> list[str]:
    """One sentence for every value that no BERT model can have."""
    problems = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.type is int:
            expected, fits = "a positive whole number", type(value) is int and value > 0
        elif field.name == "initializer_range":
            expected, fits = "a number above 0 and at most 1", _is_number(value) and 0 < value <= 1
        elif field.type is float:
            expected, fits = "a fraction from 0 to below 1", _is_number(value) and 0 <= value < 1
        else:
            expected, fits = f"one of {', '.join(ACTIVATIONS)}", value in ACTIVATIONS
        if not fits:
            problems.append(f"expected {field.name} to be {expected}, received {value!r}")
    if not problems and config.hidden_size % config.num_attention_heads:
        problems.append(
            f"expected hidden_size to be a multiple of num_attention_heads, received "
            f"hidden_size {config.hidden_size} and num_attention_heads "
            f"{config.num_attention_heads}"
        )
    return problems


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
