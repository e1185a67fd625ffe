"""A pretraining model that learns from another one: its words, hidden states and attention."""

from collections.abc import Sequence

import keras
from keras import ops

from clinicalbert_tf.modeling.backbone import pick_inputs


class _Teacher:
    """Holds the teacher where Keras does not look: its weights are not the student's."""

    def __init__(self, model):
        self.model = model


class DistilledPretrainingModel(keras.Model):
    """A student beside its teacher, for training.

    Inputs (a dict of int tensors): those of BertPretrainingModel.
    Outputs (a dict of float32 tensors): the student's mlm_logits and nsp_logits;
    teacher_mlm_logits; hidden_distance and attention_distance [batch], mean squared differences
    over tokens and layers, the student's widths and heads brought to the teacher's by learnt
    projections.

    Args:
        student: a BertPretrainingModel; trained.
        teacher: a BertPretrainingModel; runs without dropout and is not trained.
        layers: for each encoder layer of the student the teacher's that it is compared with.

    Attributes:
        student, backbone, hidden_projection, attention_projection: as their names say.
        distillation_sizes: dimensions of the projections, for checkpoints.names.

    Source: TinyBERT (Jiao et al. 2020), section 3; a projection of the attention heads is added
        for students that have others.
    """

    heads = ("masked_lm", "next_sentence", "distillation")

    def __init__(self, student, teacher, layers: Sequence[int], name="distilled_pretraining_model"):
        super().__init__(name=name)
        self.student = student
        self._teacher = _Teacher(_with_layers(teacher))
        self._student_layers = _with_layers(student)
        self._teacher_backbone = _Teacher(teacher.backbone)
        self._layers_of_teacher = tuple(layers)
        ours, theirs = student.backbone, teacher.backbone
        self.distillation_sizes = {
            "heads": ours.num_heads,
            "teacher_hidden": theirs.hidden_dim,
            "teacher_heads": theirs.num_heads,
        }
        self.hidden_projection = _projection(ours.hidden_dim, theirs.hidden_dim, "hidden")
        self.attention_projection = _projection(ours.num_heads, theirs.num_heads, "attention")

    @property
    def backbone(self):
        """The student's encoder."""
        return self.student.backbone

    @property
    def masked_lm_transform(self):
        """The student's."""
        return self.student.masked_lm_transform

    @property
    def masked_lm_output_bias(self):
        """The student's."""
        return self.student.masked_lm_output_bias

    @property
    def next_sentence_head(self):
        """The student's."""
        return self.student.next_sentence_head

    def call(self, inputs, training=None, mask=None):
        inputs = pick_inputs(inputs, self.student.input)
        ours = self._student_layers(inputs, training=training)
        theirs = self._teacher.model(inputs, training=False)
        padding_mask = inputs["padding_mask"]
        valid = ops.cast(padding_mask, "float32")
        hidden, attention = 0.0, 0.0
        for layer, other in enumerate(self._layers_of_teacher):
            hidden += self._hidden_distance(
                ours[f"hidden_{layer + 1}"], theirs[f"hidden_{other + 1}"], valid
            )
            attention += self._attention_distance(ours, theirs, layer, other, padding_mask)
        count = len(self._layers_of_teacher)
        return {
            "mlm_logits": ours["mlm_logits"],
            "nsp_logits": ours["nsp_logits"],
            "teacher_mlm_logits": ops.stop_gradient(theirs["mlm_logits"]),
            "hidden_distance": hidden / count,
            "attention_distance": attention / count,
        }

    def _hidden_distance(self, ours, theirs, valid):
        projected = self.hidden_projection(ops.cast(ours, "float32"))
        wanted = ops.stop_gradient(ops.cast(theirs, "float32"))
        return _mean_over(ops.mean(ops.square(projected - wanted), axis=-1), valid)

    def _attention_distance(self, ours, theirs, layer: int, other: int, padding_mask):
        student, teacher = self.backbone, self._teacher_backbone.model
        made = student.transformer_layers[layer].attention_of(ours[f"hidden_{layer}"], padding_mask)
        wanted = teacher.transformer_layers[other].attention_of(
            theirs[f"hidden_{other}"], padding_mask
        )
        made, wanted = (
            ops.transpose(ops.cast(values, "float32"), (0, 2, 3, 1)) for values in (made, wanted)
        )
        apart = ops.square(self.attention_projection(made) - ops.stop_gradient(wanted))
        # A row of probabilities adds up to 1, whatever the length is: the sum over keys.
        per_query = ops.mean(ops.sum(apart, axis=2), axis=-1)
        return _mean_over(per_query, ops.cast(padding_mask, "float32"))


def _with_layers(model) -> keras.Model:
    """The same model that also gives the inputs and outputs of its encoder layers."""
    backbone = model.backbone
    inner = backbone.output
    transformed = model.masked_lm_transform(inner["sequence_output"], model.input["mask_positions"])
    hidden = [backbone.get_layer("embeddings_dropout").output]
    hidden += [
        backbone.get_layer(f"transformer_layer_{layer}").output
        for layer in range(backbone.num_layers)
    ]
    outputs = {f"hidden_{place}": values for place, values in enumerate(hidden)}
    outputs["mlm_logits"] = model.masked_lm_output_bias(
        backbone.token_embedding(transformed, reverse=True)
    )
    outputs["nsp_logits"] = model.next_sentence_head(inner["pooled_output"])
    return keras.Model(model.input, outputs)


def _projection(width: int, teacher_width: int, name: str) -> keras.layers.Dense:
    """Identity between equal widths at first."""
    start = "identity" if width == teacher_width else "glorot_uniform"
    layer = keras.layers.Dense(
        teacher_width,
        use_bias=False,
        kernel_initializer=start,
        dtype="float32",
        name=f"{name}_projection",
    )
    layer.build((None, width))
    return layer


def _mean_over(values, valid):
    """[batch, length] -> [batch], over the tokens that are there."""
    return ops.sum(values * valid, axis=-1) / ops.maximum(ops.sum(valid, axis=-1), 1.0)
