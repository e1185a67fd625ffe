"""Where notes lie: tables, JSON lines, folders, databases; one module a form.

The way in is `tfrecords_builder.notes`.

- input_files: what an --input names.
- note_rows: a row of any source -> Note.
- note_tables, note_files, note_sql: the forms.
- remote_files: file systems that Apache Beam knows.
"""
