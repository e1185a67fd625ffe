"""Training under any tf.distribute strategy, in one custom loop.

- strategy: the four strategies and the devices behind them.
- losses: what is minimised, summed over the global batch.
- optimizer: the reference's AdamWeightDecay, schedule and clip.
- dropout: dropout's random state as a function of seed, step and replica.
- step: one training or evaluation step on every replica, several steps a call.
- loop: the steps of a run: saving, hooks, the stop on NaN.
- hooks: what happens around the steps: the interface of what follows.
- progress: a bar or lines.
- checkpoints: the training state in TF1 names, complete or absent.
- run_record: `run.json`, and the refusal to resume a run with other settings.
- summaries: TensorBoard events.
"""
