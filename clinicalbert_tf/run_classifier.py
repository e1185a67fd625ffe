"""Fine-tunes BERT to classify clinical sentences, pairs, relations and notes; scores and predicts.

Takes the flags of the reference's run_classifier. Without any data flag it invents labelled
sentences and trains a tiny BERT on them, to show the whole way.

    python -m clinicalbert_tf.run_classifier --task_name=mednli --data_dir=mednli \\
        --init_checkpoint=bert_pretrain_output_all_notes_150000 --output_dir=runs/mednli
    python -m clinicalbert_tf.run_classifier --do_predict --predict_file=new.csv \\
        --init_checkpoint=runs/mednli --output_dir=predictions
    python -m clinicalbert_tf.run_classifier --task_name=mednli --data_dir=mednli \\
        --vocab_file=vocab.txt --do_lower_case=False --write_features=features

Exit codes: those of python -m clinicalbert_tf.pretrain.
"""

from clinicalbert_tf import command
from clinicalbert_tf.classifier_command import ClassifierCommand, define_classifier_flags
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from tfrecords_builder import command_line

command.define_run_flags(ClassificationSettings)
define_classifier_flags()


def main(argv):
    asked = ClassifierCommand()
    if asked.writes_features_only:
        asked.write_features()
    elif asked.predicts:
        asked.predict()
    else:
        command.run_command("run_classifier", argv, asked.settings, asked.run, asked.say_results)


if __name__ == "__main__":
    command_line.run(main)
