"""The data set i2b2_2010 for tensorflow_datasets.

i2b2_2010_dataset_builder  i2b2/VA 2010: problems, treatments and tests in clinical notes
"""
