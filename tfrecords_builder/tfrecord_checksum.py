"""Keeps `tfrecords_builder.tfrecord_checksum` importable; see `tfrecord_files`."""

from tfrecords_builder.tfrecord_files import masked_crc32c as masked_crc32c
from tfrecords_builder.tfrecord_files import masked_crc32c_of_pieces as masked_crc32c_of_pieces
