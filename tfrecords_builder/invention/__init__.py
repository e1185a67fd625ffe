"""What invented notes are made of; `tfrecords_builder.synthetic` makes them.

synthetic_admissions  Invents hospital stays and the notes, patients and diagnoses that go ...
synthetic_texts       The invented text of one note of each kind that MIMIC-III holds
synthetic_themes      What the invented notes talk about: one theme a hospital stay
synthetic_words       Fills templates of invented notes with words, numbers and dates about ...
"""
