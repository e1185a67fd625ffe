"""A build on many processes, and what it says meanwhile.

- workers, stage_worker: processes and what each does.
- beam_steps: the same steps for Apache Beam.
- progress, estimate, report: the bar, the size to come, the final table.
"""
