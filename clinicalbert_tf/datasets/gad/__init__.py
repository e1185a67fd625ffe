"""The data set gad for tensorflow_datasets."""
