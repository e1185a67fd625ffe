"""Diagnosis codes of an admission, predicted from its discharge summary."""
