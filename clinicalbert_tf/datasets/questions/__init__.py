"""Readers of question answering data sets: SQuAD 1.1 and 2.0, BioASQ B, emrQA.

bioasq          BioASQ task B as released: questions with snippets and exact answers, ...
checked         Questions ready for use: answers at their right offsets, the others left out ...
emrqa           emrQA: questions generated from the i2b2 annotations, answers at line and token
fields          Values of a JSON file, checked as they are read
question_files  JSON files of questions: which layout one has, and its questions
splitting       Questions divided so that no document is on both sides
squad           SQuAD 1.1 and 2.0, and what BioBERT's authors prepared from BioASQ in the ...
"""
