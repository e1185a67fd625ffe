"""Draws the loss curves of a pretraining run from its TensorBoard events.

    python experiments/plot_losses.py RUN_DIR curve.png

Needs the extra `benchmarks` (matplotlib).
"""

import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

SCALARS = ("masked_lm_loss", "next_sentence_loss")
# A point is the mean of so many steps: single batches are noisy.
STEPS_A_POINT = 20


def read_scalars(directory):
    """{name: [(step, value)]} of the losses in a folder of events, by step."""
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0}).Reload()
    found = {}
    for tag in events.Tags()["scalars"]:
        name = tag.rsplit("/", 1)[-1]
        if name in SCALARS:
            found[name] = sorted((event.step, event.value) for event in events.Scalars(tag))
    if not found:
        sys.exit(f"Expected events with {', '.join(SCALARS)} in {directory}, found none.")
    return found


def block_means(points):
    """Means over blocks of STEPS_A_POINT steps: ([last step of a block], [mean])."""
    blocks = [points[i : i + STEPS_A_POINT] for i in range(0, len(points), STEPS_A_POINT)]
    return [b[-1][0] for b in blocks], [sum(value for _, value in b) / len(b) for b in blocks]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    run, target = map(pathlib.Path, sys.argv[1:])
    training = read_scalars(run)
    evaluation = read_scalars(run / "eval") if (run / "eval").is_dir() else {}
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.6))
    for axis, name in zip(axes, SCALARS, strict=True):
        axis.plot(*block_means(training[name]), label="training")
        if name in evaluation:
            axis.plot(*zip(*evaluation[name], strict=True), "o", label="held-out notes")
        axis.set(title=name, xlabel="step", ylabel="nats")
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(target, dpi=90)
    print(f"Wrote {target}.")


if __name__ == "__main__":
    main()
