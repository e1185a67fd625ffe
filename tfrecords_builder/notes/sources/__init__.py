"""Where notes lie: tables, JSON lines, folders, databases; one module a form.

The way in is `tfrecords_builder.notes.reading`.

- input_files: what an --input names.
- database_urls: a database's name, its query, and what of them may be shown.
- note_rows: a row of any source -> Note.
- packed_files: packings and encodings; file_kinds: what a file is, told from its content.
- foreign_files: what is no text at all, such as workbooks.
- note_tables, note_files, note_sql: the forms; note_folders: which files of a folder hold notes.
- sentence_files: text that is already cut; sentence_lines: the same as the reference reads it.
- remote_files: files that all workers of a cluster see; buckets through Apache Beam.
"""
