"""Shards of pretraining records -> tf.data.

- tfrecord_files: counting records, a file's first record, damage; without TensorFlow's readers.
- shards: input flags -> files, their manifests, their lengths and number of records.
- checks: records against model, vocabulary and flags, before any training.
- features: a batch of records -> Keras' names, once and for all.
- dataset: which record comes at which place, and the batches of every replica.
"""
