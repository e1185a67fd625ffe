"""The data set mednli for tensorflow_datasets."""
