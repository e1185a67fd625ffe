"""The data set covid_question_pairs for tensorflow_datasets."""
