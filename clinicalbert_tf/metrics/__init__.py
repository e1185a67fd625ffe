"""What a prediction is worth: pure functions, NumPy in, numbers out, no files and no TensorFlow.

    classification      accuracy, F1s, AUROC, calibration of one label per row
    multi_label         the same for any number of labels per row
    regression          Pearson, Spearman, errors
    ranking             AUROC, average precision, trapezoid, recall at a precision
    calibration         Brier score, expected calibration error, reliability bins
    spans               entities of label sequences: conlleval's rule and strict IOB2
    span_matching       overlap and type, at most one prediction per gold entity
    events              the organisers' event score of i2b2 2012
    phi                 the organisers' scores of i2b2 2014, and what is left of private data
    documents           one score per document from those of its chunks
    question_answering  exact match and F1 of SQuAD, null threshold
    bioasq              factoid, list and yes/no questions
    intervals           bootstrap intervals and paired differences
    statistics          which statistics of a task get an interval

What cannot be computed raises `undefined.UndefinedMetricError` with the reason; the functions
that collect several metrics give None for it and the reason under "reasons".

    memorization  What losses say of what a model remembers
"""
