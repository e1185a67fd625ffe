"""Parts of tokenization and of vocabularies.

- basic_tokenizer: BERT's rules before wordpieces.
- word_counts: words of a corpus within bounded memory.
- vocabulary_file: one wordpiece a line, read and checked.
- vocabulary_learning: a vocabulary from counted words.
- vocabulary_extension: whole words in the unused rows of a released vocabulary.

    added_tokens  Tokens that are found in the text itself, before it is split into words
"""
