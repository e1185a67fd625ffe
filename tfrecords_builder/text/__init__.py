"""From a note's text to sentences and wordpieces.

- sections: headers, list items, one-line answers and blocks of prose.
- sentences: sections to sentences by rules; spacy_sentences: by a spaCy pipeline.
- huang2019: cleaning and sentences of Huang et al. 2019, of whole notes.
- cleaning: line ends, placeholders and rulers; chinese: characters and titles of Chinese notes.
- segments: sections with their places in the note; section_kinds: which kind a title names.
- cutting: both steps together, with the count of characters kept.
- wordpieces: parts of tokenization and of vocabularies.
"""
