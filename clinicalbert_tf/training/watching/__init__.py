"""What people look at while a run continues, and after it.

- observers: the hooks that watch a run, in their order.
- guarded: hooks that may fail without ending the run.
- tokens: the count of tokens seen, resumed or not.
- operations, peak: a step's matrix products, and the share of the device's rate.
- progress: a bar or lines; json_lines: log lines as JSON.
- summaries, evaluation_summaries, hparams, histograms: TensorBoard events.
- profiling: a profile of chosen steps.
- outcome: `outcome.json`, how training ended; reporting: `report.html` at the end.

    call_ends      Where calls must end for what is watched at certain steps
    privacy_spent  Epsilon so far, for TensorBoard and run.json
"""
