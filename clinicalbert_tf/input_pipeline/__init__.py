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
"""
