"""The data set ncbi_disease for tensorflow_datasets.

ncbi_disease_dataset_builder  NCBI disease: diseases in PubMed abstracts
"""
