"""A build on the workers of a cluster, with the local runner's records.

- steps: what a worker does, whatever the engine: read, encode, build a shard, write the manifest.
- build: everything around the engine's run, in the process that starts it.
- beam_steps, spark_steps: the steps in the terms of Apache Beam and of Spark.
"""
