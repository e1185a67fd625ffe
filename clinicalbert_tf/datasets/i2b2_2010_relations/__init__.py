"""The data set i2b2_2010_relations for tensorflow_datasets.

i2b2_2010_relations_dataset_builder  i2b2/VA 2010: relations between problems, tests and ...
"""
