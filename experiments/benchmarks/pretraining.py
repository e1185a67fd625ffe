"""The pretraining step on this machine: tokens per second and share of the matrix rate.

    python experiments/benchmarks/pretraining.py --precision=float32 --steps=5
    python experiments/benchmarks/pretraining.py --size=minilm \\
        --contestants=clinicalbert_tf,huggingface,huggingface_grouped

A step is forward and backward pass with dropout, the clip and the optimizer's update, on made-up
ids. All contestants run in one process and take turns, so that a busy machine slows all alike;
each figure is the median of several steps after two to warm up. The machine's matrix rate is
TensorFlow's own, float32 or bfloat16, at the shapes of an encoder layer, measured in the same
rounds. --size=minilm is 6 layers of 384 with 12 heads, on short notes: a step is then one batch of
each of four groups of like lengths, which this package and "huggingface_grouped" pad to the longest
of the batch (ours rounded up to 8, as --length_buckets=8 does) and the others to --length. Tokens
are real ones, without padding; the share counts the products of our padded batches.

Hugging Face's BertForPreTraining runs in PyTorch as its documentation has it (logits at every
position) and with its best options. Needs the extra `benchmarks`, unless
--contestants=clinicalbert_tf.
"""

import dataclasses
import os
import platform
import statistics
import time
from importlib.metadata import PackageNotFoundError, version

from absl import app, flags

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.training.watching.operations import pretraining_operations

# TensorFlow leaves oneDNN off on processors without the newest instructions, where it gains too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

WARM_UP = 2
OURS = "clinicalbert_tf"
# This package in several ways, by the options of its step.
OPTIONS = {
    OURS: {},
    "plain": {"compile_kernels": False},
    "xla": {"jit_compile": True},
    "recompute": {"recompute": True},
    "four_parts": {"parts": 4},
}
PRODUCTS = "products"
CONTESTANTS = (*OPTIONS, PRODUCTS, "huggingface", "huggingface_grouped", "huggingface_compiled")
SIZES = {"base": (12, 768, 12), "minilm": (6, 384, 12)}
# Tokens of the longest and the shortest note of each batch of short notes.
GROUPS = ((12, 20), (20, 31), (31, 48), (48, 118))
DEFAULT = (OURS, "plain", "huggingface", "huggingface_compiled")


@dataclasses.dataclass(frozen=True)
class Shape:
    """The size of the model and of a batch."""

    layers: int
    batch: int
    length: int
    predictions: int
    dropout: float
    hidden: int = 768
    heads: int = 12
    groups: tuple[tuple[int, int], ...] = ()
    vocabulary: int = 28996

    @property
    def rows(self) -> int:
        """Positions of a batch of full length."""
        return self.batch * self.length

    @property
    def tokens(self) -> int:
        """Real tokens of a step."""
        if not self.groups:
            return self.rows
        return sum(int(lengths.sum()) for lengths in self.note_lengths())

    @property
    def operations(self) -> float:
        """Additions and multiplications of a step's matrix products, both passes."""
        return sum(
            pretraining_operations(self.config, self.batch, length, self.predictions)
            for length in self.padded_lengths(8)
        )

    def note_lengths(self):
        """Tokens of each note of every batch of a step, an int array [batch] each."""
        import numpy as np

        random = np.random.default_rng(3)
        return [random.integers(low, high + 1, self.batch) for low, high in self.groups]

    def padded_lengths(self, multiple: int) -> list[int]:
        """Positions per note of each batch of a step; `multiple` 0 for full length."""
        if not self.groups:
            return [self.length]
        if not multiple:
            return [self.length] * len(self.groups)
        return [-(-int(lengths.max()) // multiple) * multiple for lengths in self.note_lengths()]

    @property
    def config(self) -> BertConfig:
        """The model."""
        return BertConfig(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=4 * self.hidden,
            max_position_embeddings=max(512, self.length),
            type_vocab_size=2,
            hidden_dropout_prob=self.dropout,
            attention_probs_dropout_prob=self.dropout,
        )


def define_flags() -> None:
    flags.DEFINE_enum("size", "base", list(SIZES), "Model; minilm on short notes, see above.")
    flags.DEFINE_integer("layers", None, "Encoder layers; default the size's.", lower_bound=1)
    flags.DEFINE_integer("batch", 32, "Instances a step.", lower_bound=1)
    flags.DEFINE_integer("length", 128, "Tokens an instance.", lower_bound=8)
    flags.DEFINE_integer("predictions", 20, "Masked tokens per instance.", lower_bound=1)
    flags.DEFINE_float("dropout", 0.1, "Fraction dropped.", lower_bound=0, upper_bound=0.9)
    flags.DEFINE_integer("steps", 5, "Steps of each contestant to take the median of.")
    flags.DEFINE_enum(
        "precision", "float32", ["float32", "mixed_bfloat16"], "Precision; autocast in PyTorch."
    )
    flags.DEFINE_list(
        "contestants",
        ",".join(DEFAULT),
        '"products" is only the matrix products of our step, which none can be faster than, '
        '"plain" this package without compiled kernels, "xla" with the whole forward and '
        'backward pass compiled, "recompute" with activations computed again, "four_parts" with '
        f"gradient accumulation; the Hugging Face ones need the extra. All: {CONTESTANTS}.",
    )
    flags.DEFINE_float(
        "give_up_after", 300.0, "Seconds after which a contestant's first step ends its part."
    )
    flags.DEFINE_bool("profile", True, "Print the table of where a step's time goes.")


def check_extra(contestants: list[str]) -> None:
    """Ends with a clear message where a contestant's packages are missing."""
    if "huggingface_grouped" in contestants and flags.FLAGS.size != "minilm":
        raise app.UsageError("huggingface_grouped: expected --size=minilm, whose notes are short.")
    unknown = sorted(set(contestants) - set(CONTESTANTS))
    if unknown:
        raise app.UsageError(f"--contestants: expected {CONTESTANTS}, received {unknown}.")
    for package in ("torch", "transformers"):
        try:
            version(package)
        except PackageNotFoundError:
            if any(name.startswith("huggingface") for name in contestants):
                raise app.UsageError(
                    f"Comparing with Hugging Face needs {package}, which is not installed. "
                    "Install the extra: pip install 'clinicalbert_tf[benchmarks]', or give "
                    f"--contestants={OURS}."
                ) from None


def make_contestant(name: str, shape: Shape, precision: str):
    """A function that makes one training step and returns when it is done."""
    if name.startswith("huggingface"):
        from pretraining_torch import make_step

        kind = name.removeprefix("huggingface").removeprefix("_")
        return make_step(shape, precision, kind == "compiled", grouped=kind == "grouped")
    from pretraining_steps import make_products, make_step

    if name == PRODUCTS:
        return make_products(shape, precision)
    return make_step(shape, precision, **OPTIONS[name])


def timed(step) -> float:
    begin = time.perf_counter()
    step()
    return time.perf_counter() - begin


def warmed_up(contestants: list[str], shape: Shape, precision: str, limit: float) -> dict:
    """Steps that have run often enough; what does not work or is too slow is said and left out."""
    steps = {}
    for name in contestants:
        try:
            step = make_contestant(name, shape, precision)
            seconds = timed(step)
            if seconds > limit:
                print(f"{name}: the first step took {seconds:.0f} s, left out", flush=True)
                continue
            for _ in range(WARM_UP - 1):
                step()
        except Exception as error:  # A compiler that is not there must not end the comparison.
            if not name.startswith("huggingface"):
                raise
            print(f"{name}: does not work here ({type(error).__name__})", flush=True)
            continue
        steps[name] = step
    return steps


def measure(steps: dict, rate, rounds: int) -> tuple[dict[str, list[float]], list[float]]:
    """Seconds of every step and the matrix rates of the same rounds, everyone taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    rates = []
    for _ in range(rounds):
        rates.append(rate())
        for name, step in steps.items():
            seconds[name].append(timed(step))
    return seconds, rates


def report(shape: Shape, seconds: dict[str, list[float]], rates: list[float]) -> None:
    """Prints one row a contestant; ratios are medians of the rounds' ratios."""
    ours = seconds.get(OURS)
    peak = statistics.median(rates)
    print(f"matrix rate: {peak / 1e9:.0f} billion operations/s (median of {len(rates)})")
    print("| contestant | s/step | tokens/s | share of matrix rate | ours is faster |")
    print("|---|---|---|---|---|")
    for name, values in seconds.items():
        median = statistics.median(values)
        shares = [shape.operations / s / r for s, r in zip(values, rates, strict=True)]
        ratio = "-"
        if ours and name != OURS:
            turns = [theirs / mine for theirs, mine in zip(values, ours, strict=True)]
            ratio = f"{statistics.median(turns):.2f} times"
        print(
            f"| {name} | {median:.2f} | {shape.tokens / median:.0f} | "
            f"{statistics.median(shares):.0%} | {ratio} |"
        )


def main(argv: list[str]) -> None:
    """Makes the contestants, lets them take turns and prints the tables."""
    settings = flags.FLAGS
    check_extra(settings.contestants)
    from pretraining_profile import print_table
    from pretraining_steps import matrix_rate

    layers, hidden, heads = SIZES[settings.size]
    shape = Shape(
        *(settings.layers or layers, settings.batch, settings.length),
        *(settings.predictions, settings.dropout, hidden, heads),
        GROUPS if settings.size == "minilm" else (),
    )
    packages = ("tensorflow", "keras", "torch", "transformers")
    found = [f"{name} {version(name)}" for name in packages if _installed(name)]
    print(f"{shape}, {settings.precision}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {', '.join(found)}")
    steps = warmed_up(settings.contestants, shape, settings.precision, settings.give_up_after)
    rate = matrix_rate(shape, settings.precision)
    seconds, rates = measure(steps, rate, settings.steps)
    report(shape, seconds, rates)
    if settings.profile and OURS in steps:
        print_table(steps[OURS], repeats=2)


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


if __name__ == "__main__":
    define_flags()
    app.run(main)
