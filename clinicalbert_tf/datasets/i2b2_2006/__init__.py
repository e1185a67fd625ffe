"""The data set i2b2_2006 for tensorflow_datasets.

i2b2_2006_dataset_builder  i2b2 2006: private data in discharge summaries
"""
