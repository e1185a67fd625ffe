"""Fine-tunes BERT to find entities, evaluates it, and labels notes.

Takes the flags of the reference's run_ner.py as run_i2b2.sh types them. With no data flags at all
it makes up sentences and trains a tiny BERT on them, to show the whole way.

    python -m clinicalbert_tf.run_i2b2 --task_name=i2b2_2010 --data_dir=RAW --init_checkpoint=BERT
    python -m clinicalbert_tf.run_i2b2 --do_predict --output_dir=RUN --input=notes.jsonl \
        --output=entities.jsonl

Exit codes: as python -m clinicalbert_tf.pretrain.
"""

import sys

from absl import flags

from clinicalbert_tf import command, i2b2_command
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from tfrecords_builder import command_line

FLAGS = flags.FLAGS
command.define_run_flags(TaggingSettings, left_out=("fold",))
i2b2_command.define_tagging_flags()


def main(argv):
    asked = any(FLAGS[name].value for name in ("do_train", "do_eval", "do_predict"))
    if FLAGS.input is not None:
        i2b2_command.label_input()
    elif FLAGS.write_features is not None and not asked:
        i2b2_command.write_features_alone()
    else:
        steps = i2b2_command.settings_from_flags, i2b2_command.run, i2b2_command.say_results
        command.run_command("run_i2b2", argv, *steps)


if __name__ == "__main__":
    sys.argv = i2b2_command.with_folder(sys.argv)
    command_line.run(main)
