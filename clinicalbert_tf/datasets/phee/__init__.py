"""The data set phee for tensorflow_datasets."""
