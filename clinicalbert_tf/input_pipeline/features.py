"""A batch of pretraining records -> the model's and the objective's features."""

from collections.abc import Iterable

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


def parse_records(serialized, max_seq_length: int, max_predictions_per_seq: int | None):
    """Parses a whole batch of records at once.

    Args:
        serialized: string tensor [batch].
        max_seq_length: tokens in every record, padding included.
        max_predictions_per_seq: predictions in every record, padding included; None for
            unmasked records, which have none.

    Returns:
        token_ids, padding_mask, segment_ids int32 [batch, max_seq_length]; mask_positions and
        masked_lm_ids int32, masked_lm_weights float32 [batch, max_predictions_per_seq];
        next_sentence_labels int32 [batch]. Unmasked records lack the middle three.
    """
    names = [
        name
        for name in schema.RECORD_FEATURES
        if max_predictions_per_seq is not None or name not in schema.PREDICTION_FEATURES
    ]
    features = {}
    parsed = parse_features(serialized, names, max_seq_length, max_predictions_per_seq)
    for name, values in parsed.items():
        if name in schema.LABEL_FEATURES:
            values = tf.squeeze(values, axis=-1)
        if name not in schema.FLOAT_FEATURES:
            # Accelerators have no 64-bit gathers to waste.
            values = tf.cast(values, tf.int32)
        features[KERAS_NAMES.get(name, name)] = values
    return features


def parse_features(
    serialized, names: Iterable[str], max_seq_length: int, max_predictions_per_seq: int | None
) -> dict[str, tf.Tensor]:
    """Parses some features of a batch of records, as they stand in the records.

    Args:
        serialized: string tensor [batch].
        names: features by the reference's names.
        max_seq_length, max_predictions_per_seq: as in parse_records.

    Returns:
        int64 tensors [batch, width] by name; those of schema.FLOAT_FEATURES are float32.
    """
    widths = dict.fromkeys(schema.SEQUENCE_FEATURES, max_seq_length)
    widths |= dict.fromkeys(schema.PREDICTION_FEATURES, max_predictions_per_seq)
    widths |= dict.fromkeys(schema.LABEL_FEATURES, 1)
    layout = {
        name: tf.io.FixedLenFeature(
            [widths[name]], tf.float32 if name in schema.FLOAT_FEATURES else tf.int64
        )
        for name in names
    }
    return tf.io.parse_example(serialized, layout)


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
