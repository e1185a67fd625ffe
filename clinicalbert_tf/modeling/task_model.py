"""What the models of the downstream tasks share: an encoder and one dense layer on it."""

import keras

from clinicalbert_tf.modeling.activations import kernel_initializer
from clinicalbert_tf.modeling.keyed_dropout import KeyedDropout
from clinicalbert_tf.modeling.model_on_backbone import ModelOnBackbone

# The reference keeps 0.9 in training, whatever hidden_dropout_prob says.
DROPOUT = 0.1


class TaskModel(ModelOnBackbone):
    """An encoder with one head, which a subclass names and connects.

    Inputs (a dict of int tensors): token_ids, segment_ids, padding_mask [batch, length].
    Outputs (a dict of float32 tensors): see the subclass.

    Args:
        backbone: what build_backbone returned.
        num_outputs: columns of the head's kernel.
        dropout: fraction dropped of the head's input in training.
        initializer_range: standard deviation of the kernel's truncated normal initializer.
        dtype: dtype or Keras dtype policy of the dropout; the head itself is float32.

    Attributes:
        heads: names of the heads (see checkpoints.names.HEADS); set by the subclass.
        backbone: the encoder.
        head: the dense layer.
    """

    heads: tuple[str, ...]

    def __init__(
        self, backbone, num_outputs, dropout=0.0, initializer_range=0.02, dtype=None, **kwargs
    ):
        head_dropout = KeyedDropout(dropout, dtype=dtype, name="head_dropout")
        head = keras.layers.Dense(
            num_outputs,
            kernel_initializer=kernel_initializer(initializer_range),
            dtype="float32",
            name=self.heads[0],
        )
        encoded = backbone(backbone.input)
        outputs = self.connect(encoded, lambda hidden: head(head_dropout(hidden)))
        super().__init__(inputs=backbone.input, outputs=outputs, **kwargs)
        self.backbone = backbone
        self.head = head
        self.head_dropout = head_dropout
        self.initializer_range = initializer_range

    def connect(self, encoded, apply_head) -> dict:
        """Connects the encoder's outputs to the model's.

        Args:
            encoded: {sequence_output [batch, length, hidden], pooled_output [batch, hidden]}.
            apply_head: [..., hidden] -> float32 [..., num_outputs], dropout included.
        """
        raise NotImplementedError

    def get_config(self):
        return self.config_with(
            self.head_dropout.dtype_policy,
            dropout=self.head_dropout.rate,
            initializer_range=self.initializer_range,
        )


def check_num_labels(num_labels: int) -> int:
    """The number of labels, if a head can have so many.

    Raises:
        ValueError: it is not a positive whole number.
    """
    if type(num_labels) is not int or num_labels < 1:
        raise ValueError(
            f"Expected num_labels to be a positive whole number, received {num_labels!r}. Give "
            "the number of classes (1 for a regression)."
        )
    return num_labels
