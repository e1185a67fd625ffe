"""The data set phee for tensorflow_datasets.

phee_dataset_builder  PHEE: the type of the events in a case report's sentence
"""
