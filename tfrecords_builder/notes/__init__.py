"""Where notes come from, and which of them are left out.

- reading: every source -> Note.
- note_filter: which notes are left out; note_counts: the account of them;
  text_forms: texts as exports leave them.
- sources: tables, JSON lines, folders, databases; one module per form.
- duplicates: copied-forward notes, equal or nearly equal.
"""
