"""Keeps `tfrecords_builder.sections` importable; the rules are in `text.sections`."""

from tfrecords_builder.text.sections import split_sections as split_sections
