"""Diagnosis codes of an admission, predicted from its discharge summary.

building  Builds the data set: discharge summaries with the codes of their own admission
"""
