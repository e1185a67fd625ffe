"""A fine-tuned classifier on new texts: in memory, and over files of any size."""
