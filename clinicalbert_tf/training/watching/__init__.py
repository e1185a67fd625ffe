"""What people look at while a run continues, and after it.

- observers: the hooks that watch a run, in their order, and how they may fail without ending it.
- spent: tokens and privacy so far, resumed or not.
- operations: a step's matrix products, and the share of the device's rate.
- progress: a bar or lines; json_lines: log lines as JSON.
- summaries: TensorBoard events of training and evaluations; hparams: a run's settings for it.
- chosen_steps: histograms and a profile, and where calls must end for them.
- outcome: `outcome.json`, how training ended, and `report.html`.
"""
