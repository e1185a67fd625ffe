"""From gradients to weights.

- update_rules: from settings to one of the optimizers.
- optimizer: the reference's AdamWeightDecay, schedule and clip.
- lamb: LAMB, in its place for large batches.
- loss_scaling: the dynamic loss scale of float16.
- accumulation: a batch in parts, one after another.

    adamw              AdamW as it was published: Adam with bias correction and decoupled weight ...
    privacy_loss       The privacy that steps with noise have spent: epsilon, by dp-accounting
    private_gradients  Differentially private gradients: every example's clipped, their sum with ...
"""
