"""The data set gad_blurb for tensorflow_datasets."""
