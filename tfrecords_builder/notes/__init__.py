"""Where notes come from, and which of them are left out.

- reading: every source -> Note, with filters and the account of what was left out.
- sources: tables, JSON lines, folders, databases; one module per form.
- duplicates: copied-forward notes, equal or nearly equal.
"""
