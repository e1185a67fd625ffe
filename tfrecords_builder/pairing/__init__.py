"""From documents to masked pairs of segments (instances), in three forms.

| module            | draws                              | for                                   |
|-------------------|------------------------------------|---------------------------------------|
| plain_pairing     | the reference's, one random.Random | whole-word masking; the others' oracle |
| exact_pairing     | the same, without lists of tokens  | `create_pretraining_data`             |
| streaming_pairing | NumPy, one generator per shard     | `python -m tfrecords_builder`         |

- masking: the reference's masking of one instance.
- block_masking: the same statistics for many instances at once.
"""
