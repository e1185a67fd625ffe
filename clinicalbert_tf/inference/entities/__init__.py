"""Entities of raw notes of any length, by a trained tagger.

tagger.py       texts -> entities with exact offsets, in bounded memory
note_inputs.py  notes from JSON lines, CSV or a folder
outputs.py      entities as JSON lines, brat, i2b2 .con or XML; resumable
"""
