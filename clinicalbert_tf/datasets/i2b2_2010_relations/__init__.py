"""The data set i2b2_2010_relations for tensorflow_datasets."""
