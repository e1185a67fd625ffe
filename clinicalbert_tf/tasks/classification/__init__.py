"""Classification of texts and pairs: settings, objective, decisions, results and the task.

choosing  Temperature and threshold, chosen on the dev examples
decision  From logits to probabilities and labels: by temperature and threshold
run       A classification run from what was asked for to its results
scores    Scores of a split's predictions, and of two systems compared, for metrics.json
several   Several classification runs: seeds of one setting, and a sweep over settings
sources   Labelled examples as the arrays that the engine trains on
summary   What a classification run says at its end
watched   What progress, TensorBoard and report show, and what chooses the best checkpoint
"""
