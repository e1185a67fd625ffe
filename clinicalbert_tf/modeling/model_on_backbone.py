"""A model with BERT's encoder in it, which Keras can save and load."""

from typing import Any

import keras

from clinicalbert_tf.modeling.backbone import pick_inputs


class ModelOnBackbone(keras.Model):
    """Takes a dict of inputs by name, and is saved with its encoder.

    Attributes:
        backbone: the encoder; set by the subclass.
    """

    def call(self, inputs, training=None, mask=None):
        return super().call(pick_inputs(inputs, self.input), training=training, mask=mask)

    def config_with(self, dtype_policy, **own: Any) -> dict[str, Any]:
        """What get_config returns.

        Args:
            dtype_policy: of the layers that the argument `dtype` is for.
            own: the subclass's own arguments.
        """
        return {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            **own,
            "dtype": keras.dtype_policies.serialize(dtype_policy),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        made = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("backbone", "dtype")
        }
        return cls(**{**config, **made})
