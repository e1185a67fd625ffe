"""A build: from inputs to shards of records and their manifest.

- settings: what was asked for, checked before anything is read.
- embedded_default: invented notes and a vocabulary, if no input is given.
- canaries: invented secrets among the notes.
- documents: inputs to batches; document_encoder: batches to wordpiece ids, in a worker.
- shard_builder: one shard from its documents; records: instances to TFRecord files and back.
- doubts: what a user should look at before training on the records.
- pipeline: all steps on the processes of one machine.
- cluster: all steps on the workers of a cluster, by Spark or Apache Beam.
- storage: bytes on disk. running: processes, progress, accounting.
"""
