"""A build on many processes, and what it says meanwhile.

- workers, stage_worker: processes and what each does.
- progress, estimate, report: the bar, the size to come, the final table.
"""
