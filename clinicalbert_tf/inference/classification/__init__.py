"""A fine-tuned classifier on new texts: in memory, and over files of any size.

long_documents  Long texts with a model that was trained on chunks: cut and voted on as in ...
"""
