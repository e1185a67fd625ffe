"""Finding the notes that say something: an index of chunk vectors, and queries of it.

settings       what an index is made of, checked
chunks         a note's text -> chunks with their offsets
string_table   many strings in two files
index_files    what lies in an index's folder
indexing       rows -> parts -> a folder, there only when complete
scores         cosines by blocks, and the best of them
approximate    the extra `usearch`, for more than a million vectors
search_index   an index opened for queries
querying       a question in words -> hits
encoder        texts -> unit vectors
"""
