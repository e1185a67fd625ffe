"""CheckpointSource -> a SavedModel that takes raw strings, for TensorFlow Serving."""

import os
import shutil

import tensorflow as tf

from clinicalbert_tf.checkpoints.readers.tf1_source import CONFIG_NAME, VOCABULARY_NAME
from clinicalbert_tf.checkpoints.source import CheckpointSource, check_tensors
from clinicalbert_tf.checkpoints.writers.formats import FORMATS
from clinicalbert_tf.checkpoints.writers.restored_model import restored_pretraining_model
from clinicalbert_tf.checkpoints.writers.text_model import TextModel
from tfrecords_builder.files import write_private
from tfrecords_builder.tokenization import BertTokenizer

README_NAME = "README.txt"
# SavedModel's place for files that are no part of the graph.
_EXTRA = "assets.extra"

_README = """\
A BERT encoder as a SavedModel; tokenization is inside the graph.

Signatures
{signatures}
Texts are {casing}. Of a longer text the first {max_seq_length} tokens count,
[CLS] and [SEP] included.

Tokenization
  Every ASCII text gets exactly the wordpieces of the BERT reference, and nearly every other text
  does. Known to differ beyond ASCII are some characters added to Unicode lately, and words of 67
  to 200 characters that take more than 200 bytes of UTF-8 ([UNK] here). Bytes that are no UTF-8
  are left out.

Use
  import tensorflow as tf, tensorflow_text   # its operators are in the graph
  model = tf.saved_model.load("THIS_FOLDER")
  model.signatures["serving_default"](text=tf.constant(["No acute distress."]))
  model.weights["bert/embeddings/word_embeddings"]   # every weight, by the reference's name

TensorFlow Serving, 2.12 or newer (older ones lack the tokenizer's operators)
  {serving}
  curl -d '{{"instances": ["No acute distress."]}}' \\
      http://localhost:8501/v1/models/clinicalbert:predict
"""
_SIGNATURES = {
    "serving_default": "text -> sentence_vector (mean over the tokens), pooled_output",
    "sequence": "text -> token_ids, padding_mask, sequence_output",
    "tokenized": "token_ids, segment_ids, padding_mask -> sequence_output, sentence_vector, "
    "pooled_output",
    "masked_lm": "text with [MASK] -> mask_positions, wordpieces, probabilities (10 a mask)",
    "pretraining": "token_ids, segment_ids, padding_mask, mask_positions -> mlm_logits, nsp_logits",
}


def write_saved_model(
    source: CheckpointSource, folder: str, max_seq_length: int | None = None
) -> None:
    """Writes a SavedModel whose default signature takes strings; see TextModel for all of them.

    Tokenization is exact on ASCII; graph_tokenizer says what differs elsewhere.

    Args:
        source: pooler and heads may be missing: what they compute is then left out.
        folder: an empty folder.
        max_seq_length: tokens of the longest sequence made from a text; None for the model's
            positions.

    Raises:
        ValueError: max_seq_length is below 3 or beyond the model's positions.
    """
    length = check_length(source, max_seq_length)
    tokenizer = BertTokenizer(source.vocab_file, source.do_lower_case)
    module = TextModel(
        restored_pretraining_model(source), tokenizer, length, check_tensors(source).present
    )
    signatures = module.signatures()
    # Gradients are for training, and take most of the time that saving takes.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, folder, signatures=signatures, options=options)
    extra = os.path.join(folder, _EXTRA)
    os.makedirs(extra, exist_ok=True)
    source.config.write(os.path.join(extra, CONFIG_NAME))
    shutil.copyfile(source.vocab_file, os.path.join(extra, VOCABULARY_NAME))
    readme = _README.format(
        signatures="".join(f"  {name:15}  {_SIGNATURES[name]}\n" for name in signatures),
        casing="lower-cased, accents stripped" if source.do_lower_case else "taken as written",
        max_seq_length=length,
        serving=FORMATS["saved_model"].next_step.format(target="THIS_FOLDER"),
    )
    write_private(os.path.join(folder, README_NAME), readme.encode())


def check_length(source: CheckpointSource, max_seq_length: int | None) -> int:
    """The length of the longest sequence, in tokens.

    Raises:
        ValueError: it leaves no room for a wordpiece or is beyond the model's positions.
    """
    positions = source.config.max_position_embeddings
    length = positions if max_seq_length is None else max_seq_length
    if not 3 <= length <= positions:
        raise ValueError(
            f"Expected max_seq_length from 3 to {positions}, the positions of {source.path}, "
            f"received {length}. Change --max_seq_length or leave it out."
        )
    return length
