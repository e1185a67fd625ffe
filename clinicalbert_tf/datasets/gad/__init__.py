"""The data set gad for tensorflow_datasets.

gad_dataset_builder  GAD: gene-disease relations, in BioBERT's files
"""
