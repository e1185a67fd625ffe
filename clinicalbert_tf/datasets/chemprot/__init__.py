"""The data set chemprot for tensorflow_datasets.

chemprot_dataset_builder  ChemProt: chemical-protein relations, in BioBERT's files
"""
