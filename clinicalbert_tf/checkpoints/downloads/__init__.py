"""Files as they were published.

archives         tar and zip files -> folders in a cache
archive_members  the members of an archive as a stream, every byte checked
model_folders    which models lie in a folder or archive
released         the four released clinicalBERT models
"""
