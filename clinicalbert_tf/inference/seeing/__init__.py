"""What a model looks at in a text: its attention, and what a classification rests on.

attributions  Integrated gradients: how much each wordpiece speaks for a label
encoder       The encoder layer by layer, from embeddings that may be other than the model's own
settings      What is asked for of a model's attention and attributions
windows       One text as the windows that a model reads, each wordpiece with its place in ...
"""
