"""Predictions that anyone made -> the numbers of clinicalbert_tf.metrics.

predictions_file    JSON lines of labels and probabilities
columns_file        words with gold and predicted labels, conlleval's form
phi_files           folders of i2b2 2014 XML
chunk_scores_file   CSV of ID, Label, score per chunk
question_files      SQuAD and BioASQ datasets with predictions
arguments           the arguments of `python -m clinicalbert_tf.score`
results             file -> the dict that `python -m clinicalbert_tf.score` prints
text_form           that dict for reading
"""
