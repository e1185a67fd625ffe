"""What a model looks at in a text as files: pages, a picture, and attributions as JSON."""

import json
import os
from collections.abc import Mapping, Sequence

from clinicalbert_tf.inference.seeing.attributions import (
    Attribution,
    IntegratedGradients,
    merge_windows,
)
from clinicalbert_tf.inference.seeing.encoder import attention_weights
from clinicalbert_tf.inference.seeing.settings import AttributionSettings, MapSettings
from clinicalbert_tf.inference.seeing.windows import TextWindow
from clinicalbert_tf.report.attention_page import attention_page, attention_picture
from clinicalbert_tf.report.attribution_page import attribution_page
from tfrecords_builder.files import write_private


def write_map(bert, windows: Sequence[TextWindow], name: str, settings: MapSettings) -> list[str]:
    """Writes the page of all layers and heads of one window, and the picture of one head.

    Args:
        bert: what clinicalbert_tf.from_pretrained returned.
        windows: the text's.
        name: what to call the text; safe to print.
        settings: window, layer, head and folder.

    Returns:
        What was written, as lines to print.

    Raises:
        ValueError: there is no such window, layer or head.
    """
    if settings.window > len(windows):
        raise ValueError(
            f"Expected --window from 1 to {len(windows)} for this text, received {settings.window}."
        )
    config = bert.config
    layer = settings.layer or config.num_hidden_layers
    if layer > config.num_hidden_layers or settings.head > config.num_attention_heads:
        raise ValueError(
            f"Expected --layer up to {config.num_hidden_layers} and --head up to "
            f"{config.num_attention_heads}, received {layer} and {settings.head}."
        )
    window = windows[settings.window - 1]
    weights = attention_weights(bert.backbone, window.inputs())
    of_windows = f", window {settings.window} of {len(windows)}" if len(windows) > 1 else ""
    contents = {
        "attention.html": attention_page(f"Attention: {name}{of_windows}", window.tokens, weights),
        "attention.png": attention_picture(window.tokens, weights, layer - 1, settings.head - 1),
    }
    lines = _write(settings.output_dir, contents)
    if len(windows) > 1:
        lines.append(f"Window {settings.window} of {len(windows)}: see the others with --window.")
    return lines


def write_attributions(
    bert,
    windows: Sequence[TextWindow],
    text: str,
    name: str,
    output_dir: str,
    settings: AttributionSettings,
) -> list[str]:
    """Writes the coloured note and its JSON.

    Args:
        bert, windows, name: as in write_map.
        text: the text; protected health information.
        output_dir: the folder.
        settings: label and steps.

    Returns:
        What was written and the completeness gap, as lines to print.

    Raises:
        ValueError: the model is no classifier, or has no such label.
    """
    if bert.task is None or bert.task.head != "classifier":
        raise ValueError(
            "Expected a fine-tuned classifier for --attributions, received a model without one. "
            "Give the --model of a run of run_classifier or run_readmission."
        )
    multi = bert.task.problem_type == "multi"
    gradients = IntegratedGradients(bert.task_model, bert.tokenizer.pad_id, multi, settings.steps)
    number = _label(bert.labels, settings.label, gradients, windows)
    found = [gradients.attribute(window, number) for window in windows]
    label, tokens = bert.labels[number], merge_windows(windows, found)
    gap = max((one.completeness_gap for one in found), key=abs)
    shown = {
        "Label": label,
        "Probability": ", ".join(f"{one.probability:.3f}" for one in found),
        "Completeness gap": f"{gap:+.2g}",
    }
    contents = {
        "attributions.html": attribution_page(f"Attributions: {name}", text, shown, tokens),
        "attributions.json": json.dumps(_summary(label, settings.steps, found, tokens), indent=1),
    }
    return [
        *_write(output_dir, contents),
        f"Label {label}: largest completeness gap {gap:+.3g} of {len(windows)} windows with "
        f"{settings.steps} steps; more --steps make it smaller.",
    ]


def _summary(label: str, steps: int, found: Sequence[Attribution], tokens: list[dict]) -> dict:
    """What attributions.json holds."""
    names = ("probability", "score", "baseline_score", "completeness_gap")
    windows = [{name: getattr(one, name) for name in names} for one in found]
    return {"label": label, "steps": steps, "windows": windows, "tokens": tokens}


def _label(labels: Sequence[str], wanted: str | None, gradients, windows) -> int:
    """The number of the label that is asked for, or of the most probable one."""
    if wanted is None:
        mean = sum(gradients.probabilities(window) for window in windows)
        return int(mean.argmax())
    if wanted not in labels:
        raise ValueError(f"Expected --label to be one of {', '.join(labels)}, received {wanted!r}.")
    return labels.index(wanted)


def _write(folder: str, contents: Mapping[str, str | bytes]) -> list[str]:
    lines = []
    for name, content in contents.items():
        path = os.path.join(folder, name)
        write_private(path, content)
        lines.append(f"Wrote {path}.")
    return lines
