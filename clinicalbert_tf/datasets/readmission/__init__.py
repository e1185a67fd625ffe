"""Readmission from clinical notes: MIMIC's tables to labelled, split and chunked texts.

`building.build` makes the files, `python -m clinicalbert_tf.datasets.readmission` is its command.
`labels` and `selection` hold the corrected rules, `huang2019` those of the reference.
"""
