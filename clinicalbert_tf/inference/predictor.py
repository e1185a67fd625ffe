"""A model over token sequences of any lengths, as fast as it goes: outputs in the input's order.

Any model that takes token_ids, segment_ids and padding_mask can be run: an encoder, a classifier,
a tagger, a span model.

    predictor = Predictor(lambda inputs: {"logits": model(inputs, training=False)})
    logits = predictor.predict(token_ids)["logits"]

Four things make it fast: batches of similar length, so that little is padding; equal sequences
computed once (clinical notes repeat sentences, and copied notes repeat windows); the encoder's form
for prediction, whose operations TensorFlow joins (modeling.encoder_layer); and several batches at a
time, so that no core waits for the small operations of one batch: two, or one per core in a process
whose operations run on one core each (tool_command.one_core_per_batch). The graph is traced once
for all shapes.
"""

import concurrent.futures
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from clinicalbert_tf.texts.batches import bucket_by_length, pad_tokens

_INPUTS = ("token_ids", "segment_ids", "padding_mask")


class Predictor:
    """Runs a function of a batch over many sequences.

    Args:
        function: a dict of tensors -> a dict of tensors whose first axis is the batch. It gets
            token_ids, segment_ids, padding_mask, int32 [batch, length], and the extras.
        batch_tokens: places per batch at most, padding included (one sequence always fits).
        per_token: names of outputs whose second axis is the length.
        extras: further int32 [batch] inputs of `function`, one number per sequence.
        wide_extras: further int32 [batch, n] inputs, as many numbers for every sequence.
    """

    def __init__(
        self,
        function: Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]],
        batch_tokens: int = 4096,
        per_token: Collection[str] = (),
        extras: Sequence[str] = (),
        wide_extras: Sequence[str] = (),
    ):
        self._extras = (*extras, *wide_extras)
        self._graph = _graph(function, extras, wide_extras)
        self._batch_tokens = batch_tokens
        self._per_token = frozenset(per_token)
        # Kept: the library behind matrix products remembers its kernels by thread.
        self._pool = concurrent.futures.ThreadPoolExecutor(batches_at_once(), "predictor")

    def prepare(self) -> None:
        """Traces the graph, which the first `predict` would do otherwise."""
        self._graph.get_concrete_function()

    def predict(
        self,
        token_ids: Sequence[np.ndarray],
        second_segments: Iterable[int] | None = None,
        **extras: Iterable,
    ) -> dict[str, np.ndarray | list[np.ndarray]]:
        """Runs the model over sequences.

        Which sequences come in one call decides how they are batched, and so the last bits of the
        outputs; nothing else does.

        Args:
            token_ids: int arrays [length], [CLS] and [SEP] included, not padded; at least one.
            second_segments: for each sequence the position of its first token with segment id 1;
                None if all have one segment.
            extras: for each of the predictor's extras a number per sequence, or a row of them.

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
        # The largest first: at the end no core waits long for another one's batch.
        batches.sort(key=lambda members: -len(members) * lengths[members].max())

        def run(members: np.ndarray) -> dict[str, np.ndarray]:
            inputs = pad_tokens([token_ids[member] for member in members], seconds[members])
            inputs |= {name: values[members] for name, values in numbers.items()}
            return self._run(inputs)

        found: dict[str, list] = {}
        for outputs in self._in_order(run, batches):
            for name, values in outputs.items():
                found.setdefault(name, []).append(values)
        order = np.empty(len(lengths), np.int64)
        order[np.concatenate(batches)] = np.arange(len(kept))
        order = order[places]
        return {
            name: self._restore(name, values, batches, lengths, order)
            for name, values in found.items()
        }

    def _in_order(self, run, batches: list[np.ndarray]):
        # One batch needs no thread, and a call for one text no switch to one.
        return map(run, batches) if len(batches) == 1 else self._pool.map(run, batches)

    def _run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = self._graph(*(inputs[name] for name in (*_INPUTS, *self._extras)))
        return {name: values.numpy() for name, values in outputs.items()}

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


def batches_at_once() -> int:
    """How many batches to compute at the same time."""
    cores = os.cpu_count() or 1
    # A third batch brings nothing if operations are divided over the cores, and costs memory.
    return cores if os.environ.get("TF_NUM_INTRAOP_THREADS") == "1" else min(cores, 2)


def _graph(function, extras: Sequence[str], wide_extras: Sequence[str]):
    names = (*_INPUTS, *extras, *wide_extras)
    vectors = frozenset(extras)
    signature = [
        tf.TensorSpec([None] if name in vectors else [None, None], tf.int32) for name in names
    ]

    @tf.function(input_signature=signature, autograph=False)
    def run(*tensors):
        return dict(function(dict(zip(names, tensors, strict=True))))

    return run


def _different(
    token_ids: Sequence[np.ndarray], numbers: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences that differ: int array [different], and for each sequence which one it equals."""
    first: dict[tuple, int] = {}
    places = np.empty(len(token_ids), np.int64)
    for place, tokens in enumerate(token_ids):
        key = (np.asarray(tokens, np.int32).tobytes(), *[v[place].tobytes() for v in numbers])
        places[place] = first.setdefault(key, place)
    return np.array(list(first.values())), places
