"""The data set pubmedqa for tensorflow_datasets.

pubmedqa_dataset_builder  PubMedQA: questions that an abstract answers yes, no or maybe
"""
