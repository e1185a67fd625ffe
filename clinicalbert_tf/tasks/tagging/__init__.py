"""Entities and de-identification: a label for every word.

objective.py    cross entropy over first wordpieces, the reference's loss, the CRF
examples.py     sentences -> windows -> arrays, and predictions back to sentences
decoding.py     scores of labels -> labels of words
results.py      metrics and files of an evaluation
"""
