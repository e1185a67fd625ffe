"""From gradients to weights.

- update_rules: from settings to one of the optimizers.
- optimizer: the reference's AdamWeightDecay, schedule and clip.
- lamb: LAMB, in its place for large batches.
- loss_scaling: the dynamic loss scale of float16.
- accumulation: a batch in parts, one after another.
"""
