"""The data set chemprot for tensorflow_datasets."""
