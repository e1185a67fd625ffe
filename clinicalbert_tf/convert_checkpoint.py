"""Converts a BERT checkpoint of any format into the format of another tool.

    python -m clinicalbert_tf.convert_checkpoint SOURCE TARGET --format=huggingface

SOURCE: anything that clinicalbert_tf.from_pretrained takes (TF1 checkpoint, output folder of a
training run, released archive, Hugging Face folder, Keras preset). TARGET: a new folder. With no
paths at all, the newest runs/pretrain-* below the current folder goes to exports/.

    tf1          the reference's names, bert_config.json, vocab.txt
    huggingface  config.json, model.safetensors, tokenizer files; for transformers
    keras        a preset; for keras_nlp.models.BertBackbone.from_preset
    saved_model  takes raw strings or ids, for TensorFlow Serving; tokenization is in the graph,
                 exact beyond ASCII too, and needs TensorFlow's own operators only
    onnx         model.onnx; for ONNX Runtime (needs the extra `onnx`)

A fine-tuned model keeps its head and labels in each of them. Every weight that a format has a place
for keeps its bits. What was left out is said.
"""

from absl import flags, logging

from clinicalbert_tf.convert_checkpoint_command import convert_checkpoint, define_conversion_flags
from clinicalbert_tf.tool_command import run_tool
from tfrecords_builder import command_line


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    # Writing a SavedModel reports every step of it otherwise.
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    run_tool("convert_checkpoint", lambda: convert_checkpoint(argv[1:]))


if __name__ == "__main__":
    define_conversion_flags()
    command_line.run(main)
