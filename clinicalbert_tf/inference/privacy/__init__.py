"""What a model gives away of the notes that it was trained on.

audit     An audit of a pretrained model: does it know texts and secrets that it was trained on?
canaries  Planted secrets: texts whose secret the model should not know
"""
