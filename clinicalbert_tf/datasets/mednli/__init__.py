"""The data set mednli for tensorflow_datasets.

mednli_dataset_builder  MedNLI 1.0.0: natural language inference on clinical sentences
"""
