"""Predicts from notes whether a patient will come back: trains on chunks, predicts by admission.

Takes the flags of the reference's run_readmission. Without any data flag it invents admissions and
notes and trains a tiny BERT on them, to show the whole way.

    python -m clinicalbert_tf.run_readmission --data_dir=data --readmission_mode=discharge \\
        --init_checkpoint=bert_pretrain_output_disch_100000 --output_dir=runs/readmission
    python -m clinicalbert_tf.run_readmission --data_dir=data --readmission_mode=early \\
        --init_checkpoint=CHECKPOINT --cross_validation=5 --output_dir=runs/early
    python -m clinicalbert_tf.run_readmission --task_name=diagnosis --data_dir=data \\
        --init_checkpoint=CHECKPOINT --output_dir=runs/diagnosis

The data is made by python -m clinicalbert_tf.datasets.readmission (and .diagnosis).

Exit codes: those of python -m clinicalbert_tf.pretrain.
"""

from clinicalbert_tf import command
from clinicalbert_tf.readmission_command import ReadmissionCommand, define_readmission_flags
from tfrecords_builder import command_line

define_readmission_flags()


def main(argv):
    asked = ReadmissionCommand()
    command.run_command("run_readmission", argv, asked.settings, asked.run, asked.say_results)


if __name__ == "__main__":
    command_line.run(main)
