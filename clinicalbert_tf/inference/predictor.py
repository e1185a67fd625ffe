"""A model over token sequences of any lengths, as fast as it goes: outputs in the input's order.

Any model that takes token_ids, segment_ids and padding_mask can be run: an encoder, a classifier,
a tagger, a span model.

    predictor = Predictor(lambda inputs: {"logits": model(inputs, training=False)})
    logits = predictor.predict(token_ids)["logits"]

Three things make it fast: batches of similar length, so that little is padding; equal sequences
computed once (clinical notes repeat sentences, and copied notes repeat windows); and the compiled
kernels of training for shapes that recur, as the windows of long notes do. The graph is traced
once for all shapes.
"""

import collections
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from clinicalbert_tf.kernel_compiler import xla_kernel
from clinicalbert_tf.modeling.compilation import compiled_by
from clinicalbert_tf.texts.batches import bucket_by_length, pad_tokens

# Batches of one shape in a call from which compiling their kernels (about a second) pays.
COMPILED_FROM = 8
_INPUTS = ("token_ids", "segment_ids", "padding_mask")


class Predictor:
    """Runs a function of a batch over many sequences.

    Args:
        function: a dict of tensors -> a dict of tensors whose first axis is the batch. It gets
            token_ids, segment_ids, padding_mask, int32 [batch, length], and the `extras`.
        batch_tokens: places per batch at most, padding included (one sequence always fits).
        per_token: names of outputs whose second axis is the length.
        extras: further int32 [batch] inputs of `function`, one number per sequence.
        compiled: whether recurring shapes go through compiled kernels; the same numbers within
            rounding.
    """

    def __init__(
        self,
        function: Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]],
        batch_tokens: int = 4096,
        per_token: Collection[str] = (),
        extras: Sequence[str] = (),
        compiled: bool = True,
    ):
        self._plain = _graph(function, extras)
        # Of its own: what is compiled is decided when a graph is traced.
        self._compiled = _graph(function, extras) if compiled else None
        self._batch_tokens = batch_tokens
        self._per_token = frozenset(per_token)
        self._extras = tuple(extras)

    def predict(
        self,
        token_ids: Sequence[np.ndarray],
        second_segments: Iterable[int] | None = None,
        **extras: Iterable[int],
    ) -> dict[str, np.ndarray | list[np.ndarray]]:
        """Runs the model over sequences.

        Which sequences come in one call decides how they are batched, and so the last bits of the
        outputs; nothing else does.

        Args:
            token_ids: int arrays [length], [CLS] and [SEP] included, not padded; at least one.
            second_segments: for each sequence the position of its first token with segment id 1;
                None if all have one segment.
            extras: for each name of `extras` a number per sequence.

        Returns:
            By output name an array [sequences, ...]; for the outputs of `per_token` a list of
            arrays [length, ...].

        Raises:
            ValueError: there is no sequence, or `extras` are not those of the predictor.
        """
        if not len(token_ids):
            raise ValueError("Expected at least one sequence, received none.")
        if extras.keys() != set(self._extras):
            raise ValueError(f"Expected {sorted(self._extras)}, received {sorted(extras)}.")
        lengths = np.array([len(tokens) for tokens in token_ids])
        numbers = {name: np.asarray(values, np.int32) for name, values in extras.items()}
        seconds = lengths if second_segments is None else np.asarray(second_segments)
        kept, places = _different(token_ids, [seconds, *numbers.values()])
        batches = [kept[members] for members in bucket_by_length(lengths[kept], self._batch_tokens)]
        shapes = [(len(members), lengths[members].max()) for members in batches]
        often = collections.Counter(shapes)
        found: dict[str, list] = {}
        for members, shape in zip(batches, shapes, strict=True):
            compiled = self._compiled is not None and often[shape] >= COMPILED_FROM
            inputs = pad_tokens([token_ids[member] for member in members], seconds[members])
            inputs |= {name: values[members] for name, values in numbers.items()}
            for name, values in self._run(inputs, compiled).items():
                found.setdefault(name, []).append(values)
        order = np.empty(len(lengths), np.int64)
        order[np.concatenate(batches)] = np.arange(len(kept))
        order = order[places]
        return {
            name: self._restore(name, values, batches, lengths, order)
            for name, values in found.items()
        }

    def _run(self, inputs: dict[str, np.ndarray], compiled: bool) -> dict[str, np.ndarray]:
        arguments = [inputs[name] for name in (*_INPUTS, *self._extras)]
        if not compiled:
            return {name: values.numpy() for name, values in self._plain(*arguments).items()}
        # Kernels are compiled as the graph is traced, in the first call.
        with compiled_by(xla_kernel):
            return {name: values.numpy() for name, values in self._compiled(*arguments).items()}

    def _restore(self, name, values, batches, lengths, order):
        """Outputs of batches in the order of the sequences."""
        if name not in self._per_token:
            return np.concatenate(values)[order]
        rows = [
            # A copy without the padding, so that the batch's array can go.
            of_batch[place, : lengths[member]].copy()
            for members, of_batch in zip(batches, values, strict=True)
            for place, member in enumerate(members)
        ]
        return [rows[place] for place in order]


def _graph(function, extras: Sequence[str]):
    matrix, vector = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)
    signature = [matrix] * len(_INPUTS) + [vector] * len(extras)

    @tf.function(input_signature=signature, autograph=False)
    def run(*tensors):
        return dict(function(dict(zip((*_INPUTS, *extras), tensors, strict=True))))

    return run


def _different(
    token_ids: Sequence[np.ndarray], numbers: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences that differ: int array [different], and for each sequence which one it equals."""
    first: dict[tuple, int] = {}
    places = np.empty(len(token_ids), np.int64)
    for place, tokens in enumerate(token_ids):
        key = (np.asarray(tokens, np.int32).tobytes(), *[int(values[place]) for values in numbers])
        places[place] = first.setdefault(key, place)
    return np.array(list(first.values())), places
