"""Training under any tf.distribute strategy, in one custom loop.

- settings, inputs: what a run was asked to do, and what it starts from.
- run: one run from its settings to its results, read top to bottom; run_stages: its training and
  evaluations.
- losses: what is minimised, summed over the global batch.
- dropout: dropout's random state as a function of seed, step and replica.
- step: one training or evaluation step on every replica, several steps per call.
- loop: the steps of a run: saving, hooks, the stop on NaN; pace: how many a call.
- hooks: what happens around the steps: the interface.
- evaluation: losses on other records; evaluation_hook, evaluation_history: while training.
- preemption: SIGTERM and SIGINT; endings, errors, exit_codes: how the command ends early.
- allocator: freed memory is kept.

Rooms: `cluster` (devices and workers), `updates` (from gradients to weights), `states` (what lies
on disk to resume from), `watching` (what people look at).

    fine_tuning  The settings that all fine-tuning commands share, with defaults that seldom fail
    monitor      Which result decides, and which scalars are shown
    objective    What the step and the loop need to know of a loss
"""
