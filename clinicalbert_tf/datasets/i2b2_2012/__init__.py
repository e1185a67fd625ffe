"""The data set i2b2_2012 for tensorflow_datasets.

i2b2_2012_dataset_builder  i2b2 2012: clinical events in discharge summaries
"""
