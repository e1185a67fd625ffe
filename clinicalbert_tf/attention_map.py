"""What a model looks at: a page of all layers and heads, a picture of one, and attributions.

    python -m clinicalbert_tf.attention_map --model RUN_OR_CHECKPOINT --text "Denies chest pain."
    python -m clinicalbert_tf.attention_map --model RUN --input notes.jsonl --id 17 --attributions

It writes attention.html and attention.png, and with --attributions attributions.html and
attributions.json. They hold the text, because you asked to see it; only you can read them.
"""

import json
import os
import sys

from absl import flags

from tfrecords_builder import command_line

_STRING, _BOOL, _INTEGER = flags.DEFINE_string, flags.DEFINE_bool, flags.DEFINE_integer

# (kind, name, default, help, further arguments)
_FLAGS = (
    (_STRING, "model", None, """A fine-tuned run, or any checkpoint that
        clinicalbert_tf.from_pretrained takes; default the newest runs/pretrain-* here.""", {}),
    (_STRING, "model_name", None, "The model's name if the checkpoint holds several.", {}),
    (_STRING, "text", None, "The text to look at.", {}),
    (_STRING, "input", None, "Or a file of texts: lines, .jsonl, .csv, NOTEEVENTS; .gz of each.",
        {}),
    (_STRING, "id", None, "The text of the file to look at, by its identifier.", {}),
    (flags.DEFINE_enum, "input_format", "auto", "Form of the file.",
        {"enum_values": ["auto", "text", "jsonl", "csv", "noteevents"]}),
    (_STRING, "text_column", "text", "CSV column or JSON key of the text.", {}),
    (_STRING, "id_column", "note_id", "CSV column or JSON key of the identifier.", {}),
    (_STRING, "output_dir", ".", "Folder of the files.", {}),
    (_INTEGER, "max_seq_length", 128, "Tokens that the model reads at once.", {"lower_bound": 4}),
    (_INTEGER, "window", 1, "Which window of a long text to map, from 1.", {"lower_bound": 1}),
    (_INTEGER, "layer", None, "Layer of the picture, from 1; default the last.",
        {"lower_bound": 1}),
    (_INTEGER, "head", 1, "Head of the picture, from 1.", {"lower_bound": 1}),
    (_BOOL, "attributions", False, "Also attribute a classifier's output to the wordpieces.", {}),
    (_STRING, "label", None, "Label to attribute; default the most probable one.", {}),
    (_INTEGER, "steps", 64, "Points of the path of integrated gradients.", {"lower_bound": 1}),
)  # fmt: skip


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags."""
    for define, name, default, text, others in _FLAGS:
        define(
            name=name,
            default=default,
            help=" ".join(text.split()),
            flag_values=flag_values,
            **others,
        )


def read_text(values: flags.FlagValues) -> tuple[str, str]:
    """The text to look at, and what to call it: its identifier or "text".

    Raises:
        ValueError: neither or both of --text and --input are given, or the file has no such text.
    """
    if (values.text is None) == (values.input is None) or (
        values.input is not None and values.id is None
    ):
        raise ValueError("Expected either --text, or --input with --id, received neither or both.")
    if values.text is not None:
        return values.text, "text"
    from clinicalbert_tf.texts.rows import RowSource, read_rows
    from tfrecords_builder.notes.reading import read_notes

    source = RowSource(values.input, values.input_format, values.text_column, values.id_column)
    for row in read_rows(source, read_notes):
        if row.note_id == values.id:
            return row.text, values.id
    raise ValueError(
        f"Expected a text with the identifier {values.id} in {values.input}, found none. Check "
        "--id and --id_column; lines of text are numbered from 0."
    )


def load(values: flags.FlagValues):
    """The model that the flags name, or the default one."""
    from clinicalbert_tf.inference.loading import ModelSource, default_checkpoint, load_model

    path = values.model
    if path is None:
        path = default_checkpoint()
        print(f"No --model: using {path}.", file=sys.stderr)
    return load_model(ModelSource(path, values.model_name))


def write_map(bert, windows, name: str, values: flags.FlagValues) -> None:
    """Writes the page and the picture of one window."""
    from clinicalbert_tf.inference.seeing.encoder import attention_weights
    from clinicalbert_tf.report.attention_page import attention_page, attention_picture
    from tfrecords_builder.files import write_private

    if values.window > len(windows):
        raise ValueError(
            f"Expected --window from 1 to {len(windows)} for this text, received {values.window}."
        )
    config = bert.config
    layer = values.layer or config.num_hidden_layers
    if layer > config.num_hidden_layers or values.head > config.num_attention_heads:
        raise ValueError(
            f"Expected --layer up to {config.num_hidden_layers} and --head up to "
            f"{config.num_attention_heads}, received {layer} and {values.head}."
        )
    window = windows[values.window - 1]
    weights = attention_weights(bert.backbone, window.inputs())
    of_windows = f", window {values.window} of {len(windows)}" if len(windows) > 1 else ""
    title = f"Attention: {name}{of_windows}"
    picture = attention_picture(window.tokens, weights, layer - 1, values.head - 1)
    page = attention_page(title, window.tokens, weights)
    for file_name, content in (("attention.html", page), ("attention.png", picture)):
        path = os.path.join(values.output_dir, file_name)
        write_private(path, content)
        print(f"Wrote {path}.")
    if len(windows) > 1:
        print(f"Window {values.window} of {len(windows)}: see the others with --window.")


def write_attributions(bert, windows, text: str, name: str, values: flags.FlagValues) -> None:
    """Writes the coloured note and its JSON, and prints the completeness gap.

    Raises:
        ValueError: the model is no classifier, or has no such label.
    """
    from clinicalbert_tf.inference.seeing.attributions import IntegratedGradients, merge_windows
    from clinicalbert_tf.report.attribution_page import attribution_page
    from tfrecords_builder.files import write_private

    if bert.task is None or bert.task.head != "classifier":
        raise ValueError(
            "Expected a fine-tuned classifier for --attributions, received a model without one. "
            "Give the --model of a run of run_classifier or run_readmission."
        )
    multi = bert.task.problem_type == "multi"
    gradients = IntegratedGradients(bert.task_model, bert.tokenizer.pad_id, multi, values.steps)
    label = _label(bert.labels, values.label, gradients, windows)
    found = [gradients.attribute(window, label) for window in windows]
    tokens = merge_windows(windows, found)
    gaps = [attribution.completeness_gap for attribution in found]
    summary = {
        "label": bert.labels[label],
        "steps": values.steps,
        "windows": [
            {
                "probability": one.probability,
                "score": one.score,
                "baseline_score": one.baseline_score,
                "completeness_gap": one.completeness_gap,
            }
            for one in found
        ],
        "tokens": tokens,
    }
    shown = {
        "Label": bert.labels[label],
        "Probability": ", ".join(f"{one.probability:.3f}" for one in found),
        "Completeness gap": f"{max(gaps, key=abs):+.2g}",
    }
    page = attribution_page(f"Attributions: {name}", text, shown, tokens)
    contents = {"attributions.html": page, "attributions.json": json.dumps(summary, indent=1)}
    for file_name, content in contents.items():
        path = os.path.join(values.output_dir, file_name)
        write_private(path, content)
        print(f"Wrote {path}.")
    print(
        f"Label {bert.labels[label]}: largest completeness gap {max(gaps, key=abs):+.3g} of "
        f"{len(windows)} windows with {values.steps} steps; more --steps make it smaller."
    )


def _label(labels, wanted: str | None, gradients, windows) -> int:
    if wanted is None:
        mean = sum(gradients.probabilities(window) for window in windows)
        return int(mean.argmax())
    if wanted not in labels:
        raise ValueError(f"Expected --label to be one of {', '.join(labels)}, received {wanted!r}.")
    return labels.index(wanted)


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    if len(argv) > 1:
        sys.exit("Expected only flags, received an argument. Give the text with --text.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    values = flags.FLAGS
    try:
        text, name = read_text(values)
        bert = load(values)
        from clinicalbert_tf.inference.loading import check_length
        from clinicalbert_tf.inference.seeing.windows import text_windows
        from tfrecords_builder.files import make_private_folder

        check_length(values.max_seq_length, bert.config)
        make_private_folder(values.output_dir)
        windows = text_windows(bert.tokenizer, text, values.max_seq_length)
        write_map(bert, windows, name, values)
        if values.attributions:
            write_attributions(bert, windows, text, name, values)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"attention_map: {error}")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
