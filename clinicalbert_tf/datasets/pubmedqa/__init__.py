"""The data set pubmedqa for tensorflow_datasets."""
