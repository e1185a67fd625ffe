"""The functions of a SavedModel: raw strings or ids to BERT's outputs."""

import keras
import tensorflow as tf

from clinicalbert_tf.checkpoints.names import head_variables, model_variables
from clinicalbert_tf.checkpoints.source import PARTS
from clinicalbert_tf.checkpoints.task_file import TaskDescription
from clinicalbert_tf.checkpoints.writers.graph_tokenizer import GraphTokenizer
from clinicalbert_tf.checkpoints.writers.task_functions import TaskFunctions, as_signature
from tfrecords_builder.tokenization import BertTokenizer

_TOP_K = 10
INPUT_IDS = ("token_ids", "segment_ids", "padding_mask")


class TextModel(tf.Module):
    """A pretraining model with its tokenizer, as functions of strings.

    Args:
        model: a pretraining model, float32.
        tokenizer: its vocabulary and casing.
        max_seq_length: tokens of the longest sequence made from a text.
        present: the parts of the model (keys of source.PARTS) that hold trained weights; nothing
            is computed from the others.
        task: what the source was fine-tuned for, None for a pretrained one.
        task_model: the model of that task on the same backbone.

    Attributes:
        weights: {the reference's name: tf.Variable}; attention kernels have the heads in an axis
            of their own, the same numbers in the same order.
    """

    def __init__(
        self,
        model,
        tokenizer: BertTokenizer,
        max_seq_length: int,
        present,
        task: TaskDescription | None = None,
        task_model=None,
    ):
        super().__init__(name="text_model")
        self.tokenizer = GraphTokenizer(tokenizer, max_seq_length)
        mappings = [
            mapping
            for mapping in model_variables(model)
            if any(mapping.tf1_name.startswith(PARTS[part]) for part in present)
        ]
        mappings += head_variables(task_model) if task_model is not None else []
        self.weights = {mapping.tf1_name: mapping.variable.value for mapping in mappings}
        self._task = task and TaskFunctions(task, task_model, self.tokenizer)
        # In functions, which tf.Module does not track: only weights and graphs are saved.
        self._encode, self._masked_lm, self._next_sentence = _parts(model, present)
        self._present = tuple(present)
        rows = tokenizer.inverse_vocab
        self._wordpieces = rows + [""] * (model.backbone.vocabulary_size - len(rows))

    def signatures(self) -> dict:
        """{name: tf.function} of what the parts of the model allow; see each method."""
        text = {"text": tf.TensorSpec([None], tf.string, "text")}
        ids = {name: tf.TensorSpec([None, None], tf.int32, name) for name in INPUT_IDS}
        positions = tf.TensorSpec([None, None], tf.int32, "mask_positions")
        made = {
            "serving_default": as_signature(self.encode_text, text),
            "sequence": as_signature(self.encode_tokens_of_text, text),
            "tokenized": as_signature(self.encode_ids, ids),
        }
        if "masked LM head" in self._present:
            made["masked_lm"] = as_signature(self.fill_masks, text)
            made["pretraining"] = as_signature(self.score, {**ids, "mask_positions": positions})
        if self._task is None:
            return made
        # The head's outputs are what a fine-tuned model is served for.
        return {**made, "vectors": made["serving_default"], **self._task.signatures()}

    def encode_text(self, text):
        """string [batch] -> sentence_vector and pooled_output, float32 [batch, hidden].

        sentence_vector is the mean over all tokens, [CLS] and [SEP] included.
        """
        outputs = self.encode_ids(**self.tokenizer.pack(self.tokenizer.tokenize(text)))
        return {name: outputs[name] for name in outputs if name != "sequence_output"}

    def encode_tokens_of_text(self, text):
        """string [batch] -> token_ids, padding_mask, int32 [batch, length], sequence_output."""
        inputs = self.tokenizer.pack(self.tokenizer.tokenize(text))
        return {
            "token_ids": inputs["token_ids"],
            "padding_mask": inputs["padding_mask"],
            "sequence_output": self._encode(inputs)["sequence_output"],
        }

    def encode_ids(self, token_ids, segment_ids, padding_mask):
        """int32 [batch, length] each -> sequence_output, sentence_vector, pooled_output."""
        encoded = self._encode(
            {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": padding_mask}
        )
        mean = _masked_mean(encoded["sequence_output"], padding_mask)
        return {**encoded, "sentence_vector": mean}

    def score(self, token_ids, segment_ids, padding_mask, mask_positions):
        """Ids and positions [batch, predictions] -> mlm_logits, and nsp_logits with that head."""
        encoded = self._encode(
            {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": padding_mask}
        )
        logits = {"mlm_logits": self._masked_lm(encoded["sequence_output"], mask_positions)}
        if {"pooler", "next sentence head"} <= set(self._present):
            logits["nsp_logits"] = self._next_sentence(encoded["pooled_output"])
        return logits

    def fill_masks(self, text):
        """string [batch], "[MASK]" for each word to be found -> the ten likeliest of each.

        Returns:
            mask_positions, int32 [batch, masks]; wordpieces, string, and probabilities, float32
            [batch, masks, 10]. Where a text has fewer masks: 0, "" and 0.
        """
        inputs = self.tokenizer.pack(self.tokenizer.tokenize_with_masks(text))
        found = self.tokenizer.mask_positions(inputs["token_ids"])
        positions = found.to_tensor(0)
        logits = self._masked_lm(self._encode(inputs)["sequence_output"], positions)
        probabilities, ids = tf.math.top_k(
            tf.nn.softmax(logits), min(_TOP_K, len(self._wordpieces))
        )
        # [CLS] stands at 0, so no mask does.
        is_mask = (positions > 0)[:, :, tf.newaxis]
        return {
            "mask_positions": positions,
            "wordpieces": tf.where(is_mask, tf.gather(tf.constant(self._wordpieces), ids), ""),
            "probabilities": tf.where(is_mask, probabilities, 0.0),
        }


def _parts(model, present):
    """The encoder, the masked LM head and the next sentence head, without untrained parts."""
    backbone = model.backbone
    names = ["sequence_output"] + ["pooled_output"] * ("pooler" in present)
    encoder = keras.Model(backbone.input, {name: backbone.output[name] for name in names})

    def masked_lm(sequence, positions):
        transformed = model.masked_lm_transform(sequence, positions)
        return model.masked_lm_output_bias(backbone.token_embedding(transformed, reverse=True))

    return lambda inputs: encoder(inputs, training=False), masked_lm, model.next_sentence_head


def _masked_mean(sequence, padding_mask):
    weights = tf.cast(padding_mask, sequence.dtype)[:, :, tf.newaxis]
    # A row that is padding only gives zeros, not 0 / 0.
    tokens = tf.maximum(tf.reduce_sum(weights, axis=1), 1.0)
    return tf.reduce_sum(sequence * weights, axis=1) / tokens
