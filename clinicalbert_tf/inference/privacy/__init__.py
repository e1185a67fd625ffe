"""What a model gives away of the notes that it was trained on.

audit          An audit of a pretrained model: does it know what it was trained on?
canaries       Planted secrets: texts whose secret the model should not know
masked_scores  How much a model expects words after a context, all wordpieces masked at once
name_probes    Does a model know which names go with which conditions, and which it was trained on?
patients       Patients whose names and conditions a model should not know, from a table
words          What an audit found, in plain words
"""
