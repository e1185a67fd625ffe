"""The data set bc5cdr for tensorflow_datasets.

bc5cdr_dataset_builder  BC5CDR: chemicals and diseases in PubMed abstracts
"""
