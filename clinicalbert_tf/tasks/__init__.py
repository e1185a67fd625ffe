"""What can be trained: one folder or file per task, on the one engine of clinicalbert_tf.training.

task.py        what a task must say (Task), and what most have in common
pretraining/   masked words and next sentences on files of records
"""
