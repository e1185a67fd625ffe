"""Keeps the old import path of the shared private files; use `tfrecords_builder.files`."""

from tfrecords_builder.files import check_folder_of as check_folder_of
from tfrecords_builder.files import make_private_folder as make_private_folder
from tfrecords_builder.files import open_private as open_private
from tfrecords_builder.files import write_private as write_private
