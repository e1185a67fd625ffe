"""The data set i2b2_2014 for tensorflow_datasets.

i2b2_2014_dataset_builder  i2b2/UTHealth 2014: private data in longitudinal notes
"""
