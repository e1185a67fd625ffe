"""From documents to masked pairs of segments (instances), in two forms.

| module            | draws                              | for                           |
|-------------------|------------------------------------|-------------------------------|
| exact_pairing     | the reference's, one random.Random | `create_pretraining_data`     |
| streaming_pairing | NumPy, one generator per shard     | `python -m tfrecords_builder` |

- masking: sizes, special ids and the reference's draws, which both forms share.
- block_masking: the statistics of the reference's masking for many instances at once.
"""
