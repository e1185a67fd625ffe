"""The data set conll_entities for tensorflow_datasets.

conll_entities_dataset_builder  Any entities: columns, JSON lines with spans, brat, i2b2 XML
"""
