"""Copied-forward notes: equal ones, and nearly equal ones by MinHash.

deduplication  Finds notes whose text came before: exact copies, and near copies (text ...
minhash        Near-duplicate texts by MinHash signatures in banded tables of flat arrays
"""
