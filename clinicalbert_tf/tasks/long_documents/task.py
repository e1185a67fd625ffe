"""Long documents as a task: classification of chunks, predicted and scored by document."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.input_pipeline.array_source import ArraySource
from clinicalbert_tf.input_pipeline.file_source import FileSource
from clinicalbert_tf.input_pipeline.sequence_file import SequenceFile
from clinicalbert_tf.metrics import calibration, documents
from clinicalbert_tf.modeling.document_classifier import build_document_classifier
from clinicalbert_tf.run_files import BEST_FOLDER
from clinicalbert_tf.tasks.classification import results
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from clinicalbert_tf.tasks.classification.sources import target_arrays
from clinicalbert_tf.tasks.classification.task import ClassificationTask
from clinicalbert_tf.tasks.long_documents import files
from clinicalbert_tf.tasks.long_documents.attention_vote import AttentionVote, read_vote
from clinicalbert_tf.tasks.long_documents.chunks import DocumentChunks, cut_documents
from clinicalbert_tf.tasks.long_documents.objective import VECTORS, ChunkObjective
from clinicalbert_tf.tasks.long_documents.settings import ATTENTION, PAPER
from clinicalbert_tf.tasks.long_documents.vote_learning import learn_vote
from clinicalbert_tf.tasks.long_documents.voting import softmax, vote_logits
from clinicalbert_tf.training.evaluation import Predictions
from tfrecords_builder.files import make_private_folder
from tfrecords_builder.tokenization import BertTokenizer

TRAIN = "train"


class LongDocumentTask(ClassificationTask):
    """Fine-tunes on chunks; every figure, prediction and choice is by document.

    Args:
        settings: of the run; `vote`, `vote_c` and `document_stride` say how chunks are made and
            joined.
        data: the documents; a text may hold chunk breaks (see chunks.CHUNK_BREAK).
        evaluated: the splits that are evaluated, "dev" first.

    Source: ClinicalBERT (Huang et al. 2019).
    """

    name = "long_documents"

    def __init__(
        self,
        settings: ClassificationSettings,
        data: LabelledData,
        evaluated: Sequence[str] = ("dev", "test"),
    ):
        self._learns = settings.vote == ATTENTION and settings.do_train
        if self._learns and not settings.do_eval:
            raise ValueError(
                "Expected --do_eval with --vote=attention, received none: the vote is learnt when "
                "the trained model is evaluated. Give dev or test documents."
            )
        if self._learns:
            # A vote is learnt on the vectors of training chunks, after the model is.
            evaluated = (*evaluated[:1], TRAIN, *evaluated[1:])
        super().__init__(settings, data, evaluated)
        self.objective = ChunkObjective(
            data.problem_type, self.class_weights, settings.label_smoothing
        )
        if settings.vote == ATTENTION:
            self.objective.keeps_vectors = True
            self.predictions_in_files = (VECTORS,)
        self.chunks: dict[str, DocumentChunks] = {}
        self._vote: AttentionVote | None = None
        self._waiting: dict[str, tuple] = {}

    def make_source(self, split: str, tokenizer: BertTokenizer) -> ArraySource:
        """The chunks of a split's documents, each with its document's label."""
        settings, documents_of = self.settings, self.data.splits[split]
        texts = (example.text_a for example in documents_of.examples)
        size = settings.max_seq_length, settings.document_stride
        into = SequenceFile(make_private_folder(settings.output_dir))
        cut = self.chunks[split] = cut_documents(tokenizer, texts, *size, into)
        targets = target_arrays(documents_of.examples, self.data.labels, self.data.problem_type)
        return FileSource(
            cut.token_ids,
            {name: values[cut.document] for name, values in targets.items()},
            settings.max_seq_length,
            [counts.path for counts in documents_of.counts] or [documents_of.path],
        )

    def lengths(self, split: str, source: ArraySource) -> np.ndarray:
        """Tokens of each document: those of its chunks together."""
        document = self.chunks[split].document
        return np.bincount(document, source.token_counts).astype(np.int64)

    def build_model(self, config: BertConfig, settings: ClassificationSettings):
        """Encoder, pooler and one dense layer; with the pooled vectors for a learnt vote."""
        if settings.vote != ATTENTION:
            return super().build_model(config, settings)
        model = build_document_classifier(
            config, len(self.output_names), dtype=settings.precision, recompute=settings.recompute
        )
        self.set_prior(model)
        return model

    def describe(self) -> dict[str, Any]:
        """What using the model needs."""
        settings = self.settings
        return super().describe() | {
            "task": "long_documents",
            "vote": settings.vote,
            "vote_c": settings.vote_c,
        }

    def use_settings(self) -> dict[str, Any]:
        """What a use of the model must repeat: chunks and vote too."""
        settings = self.settings
        return super().use_settings() | {
            "long_documents": True,
            "document_stride": settings.document_stride,
            "vote": settings.vote,
            "vote_c": settings.vote_c,
        }

    def score(self, split: str, predictions: Predictions) -> Mapping[str, float | None]:
        """The figures of documents; until a vote is learnt, by the paper's."""
        return super().score(split, {"logits": self.document_logits(split, predictions)})

    def document_logits(self, split: str, predictions: Predictions) -> np.ndarray:
        """Joins the predictions of chunks: float64 [documents, labels]."""
        document = self.chunks[split].document
        settings = self.settings
        if self._vote is not None:
            return self._vote.logits(predictions[VECTORS], document)
        rule = PAPER if settings.vote == ATTENTION else settings.vote
        return vote_logits(
            predictions["logits"], document, self.data.problem_type, rule, settings.vote_c
        )

    def finish(
        self, split: str, results_of_run: Mapping[str, float], predictions: Predictions, output_dir
    ) -> None:
        """Writes predictions and figures by document; learns the vote once it can."""
        if self.settings.vote == ATTENTION and self._vote is None:
            if self._learns and split != TRAIN:
                self._waiting[split] = (results_of_run, predictions)
                return
            self._vote = self._learnt(predictions, output_dir)
            for name, (kept_results, kept) in self._waiting.items():
                self._finish(name, kept_results, kept, output_dir)
        if split != TRAIN:
            self._finish(split, results_of_run, predictions, output_dir)

    def _learnt(self, predictions: Predictions, output_dir: str) -> AttentionVote:
        if not self._learns:
            return read_vote(output_dir)
        vote = learn_vote(
            predictions[VECTORS],
            self.chunks[TRAIN].document,
            self.targets(TRAIN),
            self.data.problem_type == "multi",
            seed=self.settings.seed,
        )
        for folder in (output_dir, os.path.join(output_dir, BEST_FOLDER)):
            if os.path.isdir(folder):
                vote.write(folder)
        return vote

    def _finish(self, split, results_of_run, predictions: Predictions, output_dir: str) -> None:
        voted = self.document_logits(split, predictions)
        super().finish(split, results_of_run, {"logits": voted}, output_dir)
        cut = self.chunks[split]
        scored = {"documents": cut.num_documents, "chunks": len(cut)}
        positive = self.decision.positive_label
        if positive is not None:
            scored |= self._finish_binary(split, predictions, voted, output_dir)
        self.scored[split] = self.scored[split] | scored
        results.add_metrics(output_dir, {split: self.scored[split]})

    def _finish_binary(self, split, predictions, voted: np.ndarray, output_dir: str) -> dict:
        """Files and figures of two labels, from the scores as they are voted."""
        place = self.data.labels.index(self.decision.positive_label)
        examples, cut = self.data.splits[split].examples, self.chunks[split]
        scores = softmax(voted)[:, place]
        counts = np.bincount(cut.document, minlength=cut.num_documents)
        path = os.path.join(output_dir, files.PREDICTIONS_NAME)
        # Written for dev first and then for test, which is the one to keep.
        files.write_document_predictions(path, examples, scores, counts)
        of_chunks = softmax(predictions["logits"])[:, place]
        files.write_chunk_scores(output_dir, split, examples, cut.document, of_chunks)
        if not self.data.splits[split].has_labels:
            return {}
        targets = self.targets(split) == place
        found = documents.scores(targets, scores)
        calibrated = self.probabilities[split][:, place]
        table = calibration.reliability(calibrated, targets, bins=10)
        return {
            "rp80": found["rp80"],
            "rp80_flagged": found["rp80_flagged"],
            "reliability": {name: _json_list(values) for name, values in table.items()},
        }


def _json_list(values: np.ndarray) -> list:
    return [None if value != value else value for value in values.tolist()]
