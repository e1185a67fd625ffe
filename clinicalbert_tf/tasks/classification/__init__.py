"""Classification of texts and pairs: settings, objective, decisions, results and the task.

decision  From logits to probabilities and labels: temperature and threshold, chosen on dev
run       A classification run from what was asked for to its results
scores    Scores of a split's predictions, for choosing on dev and for metrics.json
several   Several classification runs: seeds of one setting, and a sweep over settings
sources   Labelled examples as the arrays that the engine trains on
summary   What a classification run says at its end
"""
