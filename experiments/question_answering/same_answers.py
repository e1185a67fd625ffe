"""Whether both sides give a trained model's answers alike: scores of the dev questions.

    python -m clinicalbert_tf.convert_checkpoint RUN EXPORTED --format=huggingface
    python experiments/question_answering/same_answers.py FLAGS --init_checkpoint=EXPORTED \\
        --output_dir=RUN

RUN is a run of run_squad with these FLAGS (those of hugging_face.py) and holds its own answers;
EXPORTED answers the same questions by Hugging Face's tokenizer, model and choice of spans.
"""

import json
import os

import hugging_face
from absl import flags

from clinicalbert_tf.datasets.questions.question_files import read_questions
from tfrecords_builder import command_line


def main(argv):
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    settings = hugging_face.run_squad.settings_from_flags(flags.FLAGS.output_dir)
    with open(os.path.join(settings.output_dir, "dev", "predictions.json")) as file:
        ours = json.load(file)
    questions = read_questions(settings.dev_file)
    tokenizer = AutoTokenizer.from_pretrained(settings.init_checkpoint)
    model = AutoModelForQuestionAnswering.from_pretrained(settings.init_checkpoint).eval()
    windows = hugging_face.cut(questions, tokenizer, settings)
    theirs = hugging_face.answer(model, tokenizer, questions, windows, settings)
    for side, found in (("run_squad", ours), ("Hugging Face", theirs)):
        print(f"{side}: {hugging_face.scores(questions, found)}")
    same = sum(ours[name] == theirs[name] for name in theirs)
    print(f"the same text for {same} of {len(theirs)} questions")


if __name__ == "__main__":
    command_line.run(main)
