"""Bytes on disk, whole or not there at all.

- wire: tf.train.Example and TFRecord as bytes, without TensorFlow.
- example_blocks: many instances of one shape at once.
- spill, shard_documents: documents waiting for their shard, written and read; spill_files is
  what both know of the files.
- build_folder: the output folder of a build, its lock and what can be resumed.
"""
