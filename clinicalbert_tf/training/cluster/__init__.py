"""The devices of a run, the workers behind them, and what becomes of lost ones.

- strategy, tpu: the four strategies and the devices behind them.
- cluster, slurm: which worker of which this process is, from TF_CONFIG or SLURM.
- workers: what the workers agree on, and the end of all when one is lost.
- watchdog: signs of life between their processes.
- local_workers: worker processes on one machine, for the command `launch`.

    reduction  What all replicas bring, added up or averaged
"""
