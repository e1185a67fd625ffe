"""The functions of a fine-tuned model in a SavedModel: texts or ids to its head's outputs."""

import tensorflow as tf

from clinicalbert_tf.checkpoints.task_file import TaskDescription
from clinicalbert_tf.checkpoints.writers.graph_tokenizer import GraphTokenizer

_IDS = ("token_ids", "segment_ids", "padding_mask")


def as_signature(method, specs: dict[str, tf.TensorSpec]):
    """A method as a signature of a SavedModel: tensors by name in, a dict of tensors out."""
    return tf.function(method).get_concrete_function(**specs)


class TaskFunctions:
    """A classifier, tagger or span model as functions of strings and of ids.

    Args:
        task: head, labels and settings; a number "temperature" among them divides the logits
            before probabilities are made.
        model: {token_ids, segment_ids, padding_mask} -> the head's logits.
        tokenizer: strings to ids.
    """

    def __init__(self, task: TaskDescription, model, tokenizer: GraphTokenizer):
        self._task = task
        self._tokenizer = tokenizer
        # A function, which tf.Module does not track: only weights and graphs are saved.
        self._logits = lambda inputs: model(inputs, training=False)

    def signatures(self) -> dict:
        """{name: tf.function}: ids, serving_default on one text and pair on two."""
        text = tf.TensorSpec([None], tf.string, "text")
        second = tf.TensorSpec([None], tf.string, "text_b")
        ids = {name: tf.TensorSpec([None, None], tf.int32, name) for name in _IDS}
        made = {"ids": as_signature(self.of_ids, ids)}
        if self._task.head == "span":
            question = tf.TensorSpec([None], tf.string, "question")
            context = tf.TensorSpec([None], tf.string, "context")
            specs = {"question": question, "context": context}
            return {**made, "serving_default": as_signature(self.of_question, specs)}
        made["serving_default"] = as_signature(self.of_text, {"text": text})
        if self._task.head == "classifier":
            made["pair"] = as_signature(self.of_pair, {"text": text, "text_b": second})
        return made

    def of_ids(self, token_ids, segment_ids, padding_mask):
        """int32 [batch, length] each -> logits and probabilities, or start and end logits."""
        inputs = {
            "token_ids": token_ids,
            "segment_ids": segment_ids,
            "padding_mask": padding_mask,
        }
        outputs = self._logits(inputs)
        # Each token of a CRF has no probabilities of its own.
        is_scored = self._task.head in ("span", "crf_tagger")
        if is_scored or self._task.problem_type == "regression":
            return outputs
        scaled = outputs["logits"] / self._temperature()
        is_multi = self._task.problem_type == "multi"
        return {**outputs, "probabilities": (tf.sigmoid if is_multi else tf.nn.softmax)(scaled)}

    def of_text(self, text):
        """string [batch] -> as of_ids; a tagger's tokens too."""
        inputs = self._tokenizer.pack(self._tokenizer.tokenize(text))
        outputs = self.of_ids(**inputs)
        return outputs if self._task.head == "classifier" else {**outputs, **_tokens(inputs)}

    def of_pair(self, text, text_b):
        """Two strings [batch], the second may be empty -> as of_ids."""
        return self.of_ids(**self._pack(text, text_b))

    def of_question(self, question, context):
        """Two strings [batch] -> start_logits, end_logits and the tokens that they belong to."""
        inputs = self._pack(question, context)
        return {**self.of_ids(**inputs), **_tokens(inputs), "segment_ids": inputs["segment_ids"]}

    def _pack(self, first, second):
        tokenize = self._tokenizer.tokenize
        return self._tokenizer.pack(tokenize(first), tokenize(second))

    def _temperature(self) -> float:
        temperature = self._task.settings.get("temperature")
        return float(temperature) if isinstance(temperature, (int, float)) and temperature else 1.0


def _tokens(inputs) -> dict[str, tf.Tensor]:
    return {name: inputs[name] for name in ("token_ids", "padding_mask")}
