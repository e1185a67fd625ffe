"""Training under any tf.distribute strategy, in one custom loop.

- strategy, tpu: the four strategies and the devices behind them.
- cluster, slurm: which worker of which this process is, from TF_CONFIG or SLURM.
- workers: what the workers agree on, and the end of all when one is lost.
- watchdog: signs of life between their processes.
- local_workers: worker processes on one machine, for the command `launch`.
- errors, exit_codes: what workers and devices raise, and the exit codes of the command.
- losses: what is minimised, summed over the global batch.
- optimizer: the reference's AdamWeightDecay, schedule and clip.
- lamb: LAMB, in its place for large batches.
- loss_scaling: the dynamic loss scale of float16.
- update_rules: from settings to one of the optimizers.
- dropout: dropout's random state as a function of seed, step and replica.
- accumulation: a batch in parts, one after another.
- step: one training or evaluation step on every replica, several steps a call.
- loop: the steps of a run: saving, hooks, the stop on NaN; pace: how many a call.
- hooks: what happens around the steps: the interface of what follows; guarded: hooks that may fail.
- observers: the hooks that watch a run, in their order:
  - tokens: the count of tokens seen, resumed or not.
  - operations, peak: a step's matrix products, and the share of the device's rate.
  - progress: a bar or lines.
  - summaries, hparams, histograms: TensorBoard events.
  - profiling: a profile of chosen steps.
  - outcome: `outcome.json`, how training ended.
- reporting: `report.html` at the end, by the package `report`.
- json_lines: log lines as JSON.
- checkpoints: the training state in TF1 names, complete or absent; saving, disk: when it fails.
- resuming: what a run starts from; corruption, damaged_records: what --on_corrupt says of damage;
  positions: how many of them a checkpoint was trained on.
- preemption: SIGTERM and SIGINT; endings: what a run says that ends before its time.
- evaluation: losses on other records; evaluation_hook, evaluation_history, best: while training.
- run_record, run_description: `run.json`, and the refusal to resume a run with other settings.
"""
