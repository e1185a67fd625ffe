"""Readers of question answering data sets: SQuAD 1.1 and 2.0, BioASQ B, emrQA."""
