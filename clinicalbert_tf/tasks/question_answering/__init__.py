"""Question answering: settings, data, objective and the task made of them.

inputs  Everything that a question answering run starts from: questions, windows, model
"""
