"""Entities and de-identification: a label for every word.

objective.py    cross entropy over first wordpieces, the reference's loss, the CRF
examples.py     sentences -> windows -> arrays, and predictions back to sentences
decoding.py     scores of labels -> labels of words
results.py      metrics and files of an evaluation

    feature_files  What the model reads of each sentence, as files: the reference's records and ...
    inputs         Everything that a tagging run starts from: sentences, windows, model
    losses         The names of the losses of a tagger, and what they need of a model
    organisers     The organisers' scores of a part: events of i2b2 2012, private data of i2b2 ...
    score_lines    What metrics.json says of each part, in lines for people
    settings       The settings of a tagging run
    several        Several tagging runs: seeds of one setting, a sweep over settings, folds
    task           Tagging of words as a task of the engine: entities, de-identification
"""
