"""CheckpointSource: what every checkpoint format is brought to before anything else reads it.

Tensors go by the reference's variable names and shapes, whatever file they came from, so that
the rest of the software knows one format only. Nothing here needs TensorFlow or Keras.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from clinicalbert_tf.checkpoints.task_file import TaskDescription
from clinicalbert_tf.config import BertConfig
from tfrecords_builder.tokenization import AddedToken, BertTokenizer

# What a checkpoint may lack: name of the part -> beginning of its variable names.
PARTS = {
    "embeddings": "bert/embeddings/",
    "encoder": "bert/encoder/",
    "pooler": "bert/pooler/",
    "masked LM head": "cls/predictions/",
    "next sentence head": "cls/seq_relationship/",
}
REQUIRED_PARTS = ("embeddings", "encoder")
# The reference's LayerNormalization; a source that differs gives other outputs.
REFERENCE_LAYER_NORM_EPSILON = 1e-12


@dataclasses.dataclass(frozen=True)
class LazyTensor:
    """A tensor that stays on disk until it is asked for.

    Attributes:
        shape: its shape after loading.
        load: gives the array of that shape, float32 (or as stored, where not a float).
    """

    shape: tuple[int, ...]
    load: Callable[[], np.ndarray] = dataclasses.field(repr=False, compare=False)


class LazyTensors(Mapping):
    """{variable name: array}; arrays are read one at a time, again on every access.

    Args:
        tensors: the lazy tensors by name.
        origin: what to call the source in an error about NaN or infinity; None to read such
            numbers without an error.

    Attributes:
        shapes: {variable name: shape}, known without reading a weight.
    """

    def __init__(self, tensors: Mapping[str, LazyTensor], origin: str | None = None):
        self._tensors = dict(tensors)
        self._origin = origin
        self.shapes = {name: tuple(tensor.shape) for name, tensor in self._tensors.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        array = self._tensors[name].load()
        if array.shape != self.shapes[name]:
            raise ValueError(
                f"Expected {name} of shape {self.shapes[name]} as the file's directory says, "
                f"received {array.shape}. The file is damaged: download it again."
            )
        if self._origin is not None:
            check_finite(array, name, self._origin)
        return array

    def checked(self, origin: str) -> "LazyTensors":
        """Returns the same tensors, each refused if it holds NaN or infinity."""
        return LazyTensors(self._tensors, origin)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        return f"LazyTensors({len(self)} tensors)"


@dataclasses.dataclass(frozen=True)
class CheckpointSource:
    """A checkpoint of any format in the canonical form.

    Attributes:
        kind: "tf1", "tf2_object", "huggingface" or "keras_preset".
        path: the folder or checkpoint prefix that was read.
        config: the model's configuration; hidden_act "gelu" is the tanh form, "gelu_erf" the
            exact one, whatever the source's own file calls it.
        tensors: arrays by the reference's variable names, with the reference's shapes (dense
            kernels [inputs, outputs], cls/seq_relationship/output_weights [2, hidden]).
        vocab_file: vocab.txt in id order, or None if the source has none.
        do_lower_case: as the source says, or None if it does not (the vocabulary tells).
        casing_is_settled: whether do_lower_case is final: compared with the vocabulary, or given.
        added_tokens: tokens that are found in a text before it is split into words; rows of
            vocab_file.
        layer_norm_epsilon: added to the variance by the source's LayerNorms.
        task: what a fine-tuned source is for, with its labels; None for any other source.
        ignored: names in the source that are no weight of BERT (Adam slots, counters, buffers).
        remarks: what a user should know about this source, one sentence each.
    """

    kind: str
    path: str
    config: BertConfig
    tensors: LazyTensors = dataclasses.field(repr=False)
    vocab_file: str | None = None
    do_lower_case: bool | None = None
    casing_is_settled: bool = False
    added_tokens: tuple[AddedToken, ...] = ()
    layer_norm_epsilon: float = REFERENCE_LAYER_NORM_EPSILON
    task: TaskDescription | None = None
    ignored: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    remarks: tuple[str, ...] = ()

    def tokenizer(self) -> BertTokenizer:
        """Makes the tokenizer of a source whose casing is settled.

        Raises:
            ValueError: the vocabulary is not a sound one.
        """
        return BertTokenizer(self.vocab_file, self.do_lower_case, self.added_tokens)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the head's outputs in id order; () without a task or labels."""
        return self.task.labels if self.task else ()

    @property
    def head(self) -> str | None:
        """The task head that the source has: "classifier", "tagger", "span" or None."""
        return self.task.head if self.task else None

    @property
    def gelu(self) -> str | None:
        """The form of the activation: "tanh", "erf", or None if it is not a gelu."""
        return {"gelu": "tanh", "gelu_erf": "erf"}.get(self.config.hidden_act)


@dataclasses.dataclass(frozen=True)
class TensorReport:
    """What a source holds of a pretraining model.

    Attributes:
        present: names of the parts (see PARTS) that are whole.
        missing: the variables that are not there, in the reference's order; none of the encoder.
        other: variables beyond pretraining, for example output_weights of a classifier.
    """

    present: tuple[str, ...]
    missing: tuple[str, ...]
    other: tuple[str, ...]


def reference_shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Every variable of the reference's pretraining model and its shape, in its own order.

    Source: BERT (Devlin et al. 2018), modeling.py and run_pretraining.py.
    """
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {}

    def dense(scope: str, inputs: int, outputs: int) -> None:
        shapes[f"{scope}/kernel"] = (inputs, outputs)
        shapes[f"{scope}/bias"] = (outputs,)

    def layer_norm(scope: str) -> None:
        shapes[f"{scope}/LayerNorm/gamma"] = (hidden,)
        shapes[f"{scope}/LayerNorm/beta"] = (hidden,)

    shapes["bert/embeddings/word_embeddings"] = (config.vocab_size, hidden)
    shapes["bert/embeddings/token_type_embeddings"] = (config.type_vocab_size, hidden)
    shapes["bert/embeddings/position_embeddings"] = (config.max_position_embeddings, hidden)
    layer_norm("bert/embeddings")
    for number in range(config.num_hidden_layers):
        layer = f"bert/encoder/layer_{number}"
        for projection in ("query", "key", "value"):
            dense(f"{layer}/attention/self/{projection}", hidden, hidden)
        dense(f"{layer}/attention/output/dense", hidden, hidden)
        layer_norm(f"{layer}/attention/output")
        dense(f"{layer}/intermediate/dense", hidden, inner)
        dense(f"{layer}/output/dense", inner, hidden)
        layer_norm(f"{layer}/output")
    dense("bert/pooler/dense", hidden, hidden)
    dense("cls/predictions/transform/dense", hidden, hidden)
    layer_norm("cls/predictions/transform")
    shapes["cls/predictions/output_bias"] = (config.vocab_size,)
    shapes["cls/seq_relationship/output_weights"] = (2, hidden)
    shapes["cls/seq_relationship/output_bias"] = (2,)
    return shapes


def part_of(name: str) -> str | None:
    """The part of PARTS to which a variable belongs, None for any other variable."""
    return next((part for part, start in PARTS.items() if name.startswith(start)), None)


def check_tensors(source: CheckpointSource) -> TensorReport:
    """Compares a source's tensors with its configuration; reads no weight.

    Raises:
        ValueError: a variable of embeddings or encoder is missing, one has another shape, or the
            source holds more of BERT than the configuration says; all are listed.
    """
    expected, received = reference_shapes(source.config), source.tensors.shapes
    missing = tuple(name for name in expected if name not in received)
    problems = [f"missing: {name}" for name in missing if part_of(name) in REQUIRED_PARTS]
    problems += [
        f"{name}: expected {list(shape)}, received {list(received[name])}"
        for name, shape in expected.items()
        if name in received and received[name] != shape
    ]
    other = tuple(sorted(name for name in received if name not in expected))
    problems += [f"not in the configuration: {name}" for name in other if part_of(name)]
    if problems:
        raise ValueError(
            f"{source.path}: expected the variables of a BERT with {_summary(source.config)}, "
            f"received {len(problems)} that do not fit:\n  "
            + "\n  ".join(problems)
            + "\nGive the configuration that was released with these weights."
        )
    incomplete = {part_of(name) for name in missing}
    return TensorReport(
        present=tuple(part for part in PARTS if part not in incomplete),
        missing=missing,
        other=other,
    )


def _summary(config: BertConfig) -> str:
    return (
        f"{config.num_hidden_layers} layers, hidden_size {config.hidden_size}, "
        f"{config.num_attention_heads} heads, intermediate_size {config.intermediate_size}, "
        f"vocab_size {config.vocab_size}, max_position_embeddings "
        f"{config.max_position_embeddings}, type_vocab_size {config.type_vocab_size}"
    )


def check_finite(array: np.ndarray, name: str, origin: str) -> None:
    """Checks that an array holds finite numbers only.

    Raises:
        ValueError: it holds NaN or infinity; the message names source and variable.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int(array.size - np.isfinite(array).sum())
        raise ValueError(
            f"{origin}: expected finite numbers, received NaN or infinity in {name} ({count} of "
            f"{array.size}). The training that wrote this checkpoint went wrong: use an earlier "
            "one."
        )


def as_float32(array: np.ndarray) -> np.ndarray:
    """A float array as contiguous float32; float16 and bfloat16 lose nothing."""
    return np.ascontiguousarray(array, dtype=np.float32)
