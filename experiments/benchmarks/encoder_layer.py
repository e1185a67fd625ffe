"""Where the time of an encoder layer goes when it predicts, beside the matrix rate of a core.

    python experiments/benchmarks/encoder_layer.py
    python experiments/benchmarks/encoder_layer.py --hidden 768 --heads 12 --length 24

The share of the products alone is the most that a model made of these TensorFlow operations could
reach, whatever stands between them.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["TF_NUM_INTRAOP_THREADS"] = "1"

import tensorflow as tf

from clinicalbert_tf.modeling.attention import mix_values
from clinicalbert_tf.modeling.encoder_layer import EncoderLayer
from clinicalbert_tf.training.watching.operations import measured_rate


def main() -> None:
    """Prints a line for each part: milliseconds and, for products, the share of the matrix rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--length", type=int, default=24, help="wordpieces per sequence")
    parser.add_argument("--tokens", type=int, default=4096, help="wordpieces per batch")
    parser.add_argument("--repeats", type=int, default=15, help="the least time of these counts")
    values = parser.parse_args()
    hidden, inner, length = values.hidden, 4 * values.hidden, values.length
    batch = values.tokens // length
    rows = batch * length
    rate = measured_rate(hidden, inner, "float32")
    print(f"{rate / 1e9:.0f} x 10^9 operations/s; {batch} sequences of {length} wordpieces")

    def timed(function, *shapes) -> float:
        graph = tf.function(function)
        tensors = [tf.random.stateless_normal(shape, (1, 2)) for shape in shapes]
        graph(*tensors)
        return min(_seconds(graph, tensors) for _ in range(values.repeats))

    def dense(left, kernel, bias):
        return tf.nn.bias_add(tf.matmul(left, kernel), bias)

    square = timed(dense, (rows, hidden), (hidden, hidden), (hidden,))
    wide = timed(dense, (rows, hidden), (hidden, inner), (inner,))
    narrow = timed(dense, (rows, inner), (inner, hidden), (hidden,))
    heads = (batch, values.heads, length, hidden // values.heads)
    mixed = timed(lambda q, o: mix_values(q, q, q, o), heads, (batch, length))
    layer = EncoderLayer(values.heads, inner, "gelu")
    whole = timed(layer, (batch, length, hidden))
    norm = timed(layer.attention_layer_norm.of_sum_predicted, (rows, hidden), (rows, hidden))
    operations = 2 * rows * hidden * (4 * hidden + 2 * inner)
    in_attention = 4 * rows * length * hidden
    for name, seconds, products in (
        ("four products hidden x hidden", 4 * square, 8 * rows * hidden * hidden),
        ("the product hidden x 4 hidden", wide, 2 * rows * hidden * inner),
        ("the product 4 hidden x hidden", narrow, 2 * rows * hidden * inner),
        ("these together", 4 * square + wide + narrow, operations),
        ("attention between the projections", mixed, in_attention),
        ("two normalizations of a sum", 2 * norm, 0),
        ("the layer", whole, operations + in_attention),
    ):
        share = f"{products / seconds / rate:8.0%}" if products else ""
        print(f"{name:36}{1e3 * seconds:8.2f} ms{share}")


def _seconds(graph, tensors) -> float:
    begin = time.perf_counter()
    graph(*tensors)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
