"""The data set covid_question_pairs for tensorflow_datasets.

covid_question_pairs_dataset_builder  COVID-19 questions: pairs with the same meaning or not
"""
