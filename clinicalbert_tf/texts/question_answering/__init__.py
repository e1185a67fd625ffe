"""Questions about a text: windows that a model reads, and answers taken from its logits.

A question's way: `question` (what was asked of which text) -> `pieces` (the context's wordpieces
and where they stand) -> `windows` -> [model] -> `answers` -> `answer_files`. The modules named
`reference_*` repeat the BERT reference's run_squad.py to the last quirk; the others are the
corrected form that is the default.
"""
