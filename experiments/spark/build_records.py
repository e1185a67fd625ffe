"""`python -m tfrecords_builder` as a file, which spark-submit asks for.

spark-submit --master spark://HOST:7077 experiments/spark/build_records.py --runner=spark ...
"""

import runpy

runpy.run_module("tfrecords_builder", run_name="__main__", alter_sys=True)
