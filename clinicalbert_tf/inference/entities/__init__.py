"""Entities of raw notes of any length, by a trained tagger.

tagger.py       texts -> entities with exact offsets, in bounded memory
note_inputs.py  notes from JSON lines, CSV or a folder
labelling.py    notes -> files of entities by the tagger of a run
outputs.py      entities as JSON lines, brat, i2b2 .con or XML; resumable
"""
