"""The data set gad_blurb for tensorflow_datasets.

gad_blurb_dataset_builder  GAD: gene-disease relations, in BLURB's split
"""
