"""From a note's text to sentences and wordpieces.

- sections: headers, list items, one-line answers and blocks of prose.
- sentences: sections to sentences by rules; spacy_sentences: by a spaCy pipeline.
- cutting: both steps together, with the count of characters kept.
- wordpieces: parts of tokenization and of vocabularies.
"""
