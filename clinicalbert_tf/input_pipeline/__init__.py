"""Shards of pretraining records -> tf.data.

- shards: input flags -> files, their manifests, their lengths and number of records.
- first_records: what files hold, by their first records, against each other and manifests.
- masking_rule: masked records, or the rule by which the pipeline masks unmasked ones.
- checks: records against model, vocabulary and flags, before any training.
- damage: after a failure while reading, which file it was, and where.
- features: a batch of records -> Keras' names, once and for all.
- order: which record comes at which place.
- length_buckets: batches of records of like lengths, cut to their longest.
- dynamic_masking: masks for batches of unmasked records.
- dataset: the batches of every replica.

    array_source     Examples that are held in memory as arrays: what a fine-tuning task trains on
    extended_source  Examples of an ArraySource with further arrays: what another model made of them
    file_source      Examples whose token sequences lie in a file: for long documents
    record_source    Input flags -> files of records, what is in them and what made them
    row_file         Rows of numbers in a file instead of in memory
    sequence_file    Token sequences in a file instead of in memory
    source           What the pipeline needs to know of the examples that it batches
"""
