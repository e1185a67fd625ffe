"""A batch of pretraining records -> the model's and the objective's features."""

import numpy as np
import tensorflow as tf

from tfrecords_builder import schema

# The one place where the reference's names become Keras' names.
KERAS_NAMES = {
    "input_ids": "token_ids",
    "input_mask": "padding_mask",
    "segment_ids": "segment_ids",
    "masked_lm_positions": "mask_positions",
}


def parse_records(serialized, max_seq_length: int, max_predictions_per_seq: int):
    """Parses a whole batch of records at once.

    Args:
        serialized: string tensor [batch].
        max_seq_length: tokens in every record, padding included.
        max_predictions_per_seq: predictions in every record, padding included.

    Returns:
        token_ids, padding_mask, segment_ids int32 [batch, max_seq_length]; mask_positions and
        masked_lm_ids int32, masked_lm_weights float32 [batch, max_predictions_per_seq];
        next_sentence_labels int32 [batch].
    """
    lengths = dict.fromkeys(schema.SEQUENCE_FEATURES, max_seq_length)
    lengths |= dict.fromkeys(schema.PREDICTION_FEATURES, max_predictions_per_seq)
    lengths |= dict.fromkeys(schema.LABEL_FEATURES, 1)
    layout = {
        name: tf.io.FixedLenFeature(
            [length], tf.float32 if name in schema.FLOAT_FEATURES else tf.int64
        )
        for name, length in lengths.items()
    }
    features = {}
    for name, values in tf.io.parse_example(serialized, layout).items():
        if name in schema.LABEL_FEATURES:
            values = tf.squeeze(values, axis=-1)
        if name not in schema.FLOAT_FEATURES:
            # Accelerators have no 64-bit gathers to waste.
            values = tf.cast(values, tf.int32)
        features[KERAS_NAMES.get(name, name)] = values
    return features


def record_arrays(record: bytes) -> dict[str, np.ndarray]:
    """One record's features by the reference's names, whatever their lengths.

    Raises:
        ValueError: the bytes are no tf.train.Example; they are not repeated in the message.
    """
    example = tf.train.Example()
    try:
        example.ParseFromString(record)
    except Exception as error:
        raise ValueError(f"not a tf.train.Example ({error.__class__.__name__})") from None
    arrays = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        arrays[name] = np.array(getattr(feature, kind).value if kind else [])
    return arrays
