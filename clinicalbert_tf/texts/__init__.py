"""Texts and their labels as the sequences that a model reads, and back."""
