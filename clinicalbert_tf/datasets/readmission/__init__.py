"""Readmission from clinical notes: MIMIC's tables to labelled, split and chunked texts.

`building.build` makes the files, `python -m clinicalbert_tf.datasets.readmission` is its command.
`labels` and `selection` hold the corrected rules, `huang2019` those of the reference.

    cleaning                     Cleans the text of notes without losing what it says
    readmission_dataset_builder  Readmission from clinical notes for tensorflow_datasets
    settings                     What to build
    spill                        The notes that were chosen, on disk until their admissions' ...
    splits                       Divides patients into training, dev and test
"""
