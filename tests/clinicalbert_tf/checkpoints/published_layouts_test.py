"""Every published clinical BERT's files, made again in small: names and layouts as released.

checkpoints/README.md lists which model comes in which layout. Sizes are tiny, names are not.
"""

import io
import json
import os
import re
import tarfile
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import save_file

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.readers.huggingface_names import to_huggingface
from clinicalbert_tf.checkpoints.source import check_tensors, reference_shapes
from clinicalbert_tf.checkpoints.vocabulary_check import check_vocabulary, settle_casing
from clinicalbert_tf.checkpoints.writers.companions import write_companions
from clinicalbert_tf.config import BertConfig
from tests import support

SPECIALS = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LOWER = [*"abcdefghijklmnopqrstuvwxyz", "pain", "chest"]
UNCASED = [*SPECIALS, *LOWER]
CASED = [*UNCASED, *[word.capitalize() for word in LOWER]]
CHINESE = [*SPECIALS, "<S>", "<T>", *LOWER, "胸", "闷"]
# What the multilingual and Chinese releases have beside BERT's own keys.
CHINESE_KEYS = {"directionality": "bidi", "pooler_fc_size": 768, "pooler_type": "first_token"}


def config_of(rows, **changes):
    sizes = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1}
    more = {"intermediate_size": 24, "max_position_embeddings": 16, "type_vocab_size": 2}
    return BertConfig(**{"vocab_size": len(rows), **sizes, **more, **changes})


def arrays_of(config):
    rng = np.random.default_rng(7)
    return {n: rng.standard_normal(s, dtype="f4") for n, s in reference_shapes(config).items()}


def files_of_tf1(folder, prefix, rows, slots=(), **names):
    """A TF1 release: {name in the folder: bytes}."""
    config, arrays = config_of(rows), arrays_of(config_of(rows))
    arrays |= {f"{name}/{slot}": array for slot in slots for name, array in arrays.items()}
    if slots:
        arrays |= {"global_step": np.int64(9), "beta1_power": np.float32(1)}
    stored = sorted(arrays)
    os.makedirs(folder / os.path.dirname(prefix), exist_ok=True)
    tf.raw_ops.SaveV2(
        prefix=str(folder / prefix),
        tensor_names=stored,
        shape_and_slices=[""] * len(stored),
        tensors=[arrays[name] for name in stored],
    )
    (folder / f"{prefix}.meta").write_bytes(b"graph")
    config_name = names.get("config", "bert_config.json")
    if config_name:
        values = {**config.to_dict(), **names.get("keys", {})}
        (folder / config_name).write_text(json.dumps(values))
    write_vocabulary(folder / names.get("vocab", "vocab.txt"), rows)
    return folder


def write_vocabulary(path, rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def files_of_huggingface(folder, rows, values, old_names=False, weights="model.safetensors"):
    folder.mkdir(parents=True, exist_ok=True)
    theirs = to_huggingface(arrays_of(config_of(rows)))
    if old_names:
        theirs = {
            n.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): a
            for n, a in theirs.items()
        }
    if weights.endswith(".bin"):
        torch = pytest.importorskip("torch")
        tensors = {name: torch.tensor(array) for name, array in theirs.items()}
        torch.save(tensors, folder / weights, _use_new_zipfile_serialization=False)
    else:
        save_file(theirs, folder / weights, metadata={"format": "pt"})
    return values


def bert_zip(tmp, rows, name, backslashes=False, **more):
    """Google's BERT, BlueBERT: a zip of one folder."""
    folder = files_of_tf1(tmp / name, "bert_model.ckpt", rows, **more)
    path = tmp / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            inner = f"{name}/{file.name}"
            info = zipfile.ZipInfo("x")
            # ZipInfo itself would turn backslashes into slashes on some systems.
            info.filename = inner.replace("/", "\\") if backslashes else inner
            archive.writestr(info, file.read_bytes())
    return path


def tar_of(folder, path, mode="w:gz", name=None):
    with tarfile.open(path, mode) as archive:
        archive.add(folder, name or folder.name)
    return path


def google(tmp):
    return bert_zip(tmp, UNCASED, "uncased_L-12_H-768_A-12"), UNCASED, True, "tf1"


def google_chinese(tmp):
    path = bert_zip(tmp, CHINESE, "chinese_L-12_H-768_A-12", keys=CHINESE_KEYS)
    return path, CHINESE, True, "tf1"


def bluebert_from_windows(tmp):
    name = "NCBI_BERT_pubmed_mimic_uncased_L-12_H-768_A-12"
    return bert_zip(tmp, UNCASED, name, backslashes=True), UNCASED, True, "tf1"


def clinicalbert(tmp):
    """clinicalBERT's author put pytorch_model.bin beside the TF1 files."""
    folder = tmp / "biobert_pretrain_output_all_notes_150000"
    files_of_tf1(folder, "model.ckpt-150000", CASED, slots=("adam_m", "adam_v"))
    (folder / "pytorch_model.bin").write_bytes(b"another format")
    (folder / "graph.pbtxt").write_text("graph")
    return tar_of(folder, tmp / "all_notes.tar.gz"), CASED, False, "tf1"


def biobert_1_0(tmp):
    folder = tmp / "biobert_v1.0_pubmed_pmc"
    slots = ("BERTAdam", "BERTAdam_1")
    files_of_tf1(folder, "biobert_model.ckpt", CASED, slots=slots)
    return tar_of(folder, tmp / "biobert_v1.0_pubmed_pmc.tar.gz"), CASED, False, "tf1"


def biobert_1_1(tmp):
    folder = files_of_tf1(tmp / "biobert_v1.1_pubmed", "model.ckpt-1000000", CASED)
    return tar_of(folder, tmp / "biobert_v1.1_pubmed.tar.gz"), CASED, False, "tf1"


def biobert_large(tmp):
    folder = files_of_tf1(
        tmp / "biobert_large",
        "bio_bert_large_1000k.ckpt",
        CASED,
        config="bert_config_bio_58k_large.json",
        vocab="vocab_cased_pubmed_pmc_30k.txt",
    )
    return tar_of(folder, tmp / "biobert_large_v1.1_pubmed.tar.gz"), CASED, False, "tf1"


def scibert_tensorflow(tmp):
    folder = files_of_tf1(tmp / "scibert_scivocab_uncased", "bert_model.ckpt", UNCASED)
    return tar_of(folder, tmp / "scibert_scivocab_uncased.tar.gz"), UNCASED, True, "tf1"


def scibert_allennlp(tmp):
    """vocab.txt beside an inner archive of weights."""
    inner, outer = tmp / "inner", tmp / "scibert_scivocab_uncased"
    files_of_huggingface(inner, UNCASED, {}, old_names=True, weights="pytorch_model.bin")
    (inner / "bert_config.json").write_text(json.dumps(config_of(UNCASED).to_dict()))
    write_vocabulary(outer / "vocab.txt", UNCASED)
    with tarfile.open(outer / "weights.tar.gz", "w:gz") as archive:
        for file in inner.iterdir():
            archive.add(file, file.name)
    path = tar_of(outer, tmp / "scibert_scivocab_uncased.tar", "w")
    return path, UNCASED, True, "huggingface"


def huggingface_of_2019(tmp):
    """pytorch-pretrained-bert: bert_config.json, gamma and beta, a vocabulary of its own name."""
    folder = tmp / "bert-base-cased"
    files_of_huggingface(folder, CASED, {}, old_names=True, weights="pytorch_model.bin")
    (folder / "bert_config.json").write_text(json.dumps(config_of(CASED).to_dict()))
    write_vocabulary(folder / "bert-base-cased-vocab.txt", CASED)
    return folder, CASED, False, "huggingface"


def huang2019(tmp):
    """ClinicalBERT of Huang et al.: a folder for pretraining and one for each fine-tuned model."""
    for name in ("pretraining", "discharge_readmission", "early_readmission"):
        folder = tmp / "model" / name
        files_of_huggingface(folder, UNCASED, {}, weights="pytorch_model.bin")
        (folder / "bert_config.json").write_text(json.dumps(config_of(UNCASED).to_dict()))
    write_vocabulary(tmp / "model" / "pretraining" / "vocab.txt", UNCASED)
    return tmp / "model" / "pretraining", UNCASED, True, "huggingface"


def pubmedbert(tmp):
    """No file says the casing."""
    folder = tmp / "BiomedNLP-PubMedBERT-base-uncased-abstract"
    files_of_huggingface(folder, UNCASED, {}, weights="pytorch_model.bin")
    more = {"model_type": "bert", "architectures": ["BertForMaskedLM"], "layer_norm_eps": 1e-12}
    (folder / "config.json").write_text(json.dumps({**config_of(UNCASED).to_dict(), **more}))
    write_vocabulary(folder / "vocab.txt", UNCASED)
    (folder / "flax_model.msgpack").write_bytes(b"another format")
    return folder, UNCASED, True, "huggingface"


def huggingface_mirror(tmp):
    """Bio_ClinicalBERT, BlueBERT, SciBERT, MiniLM on the Hub."""
    folder = tmp / "Bio_ClinicalBERT"
    files_of_huggingface(folder, CASED, {})
    more = {"model_type": "bert", "layer_norm_eps": 1e-12, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps({**config_of(CASED).to_dict(), **more}))
    write_vocabulary(folder / "vocab.txt", CASED)
    (folder / "README.md").write_text("---")
    return folder, CASED, False, "huggingface"


def tensorflow_hub(tmp):
    folder = tmp / "bert_uncased_L-12_H-768_A-12_1"
    files_of_tf1(folder, "variables/variables", UNCASED, config=None, vocab="assets/vocab.txt")
    (folder / "variables" / "variables.meta").unlink()
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")
    return folder, UNCASED, True, "tf1"


LAYOUTS = [
    google,
    google_chinese,
    bluebert_from_windows,
    clinicalbert,
    biobert_1_0,
    biobert_1_1,
    biobert_large,
    scibert_tensorflow,
    scibert_allennlp,
    huang2019,
    pubmedbert,
    huggingface_of_2019,
    huggingface_mirror,
    tensorflow_hub,
]


def test_the_table_of_published_models_names_these_tests():
    page = support.ROOT / "checkpoints" / "README.md"
    table = page.read_text(encoding="utf-8").split("## Published models")[1].split("## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row[-2])}
    assert named == {layout.__name__ for layout in LAYOUTS}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_published_layout_opens_with_all_that_belongs_to_it(layout, tmp_path):
    path, rows, lower, kind = layout(tmp_path)
    source = open_checkpoint(path, cache_dir=tmp_path / "cache")
    assert source.kind == kind
    check_vocabulary(source)
    source = settle_casing(source)
    assert source.do_lower_case is lower
    assert source.tokenizer().inverse_vocab == rows
    expected = arrays_of(config_of(rows))
    assert check_tensors(source).missing == ()
    assert {name: source.tensors[name].shape for name in source.tensors} == {
        name: array.shape for name, array in expected.items()
    }
    for name, array in expected.items():
        np.testing.assert_array_equal(source.tensors[name], array, err_msg=name)
    # TF1 files mean BERT's own gelu by "gelu", those of PyTorch the exact one.
    assert source.gelu == ("tanh" if kind == "tf1" else "erf")


def test_a_fine_tuned_model_of_huang_et_al_takes_the_vocabulary_of_its_neighbour(tmp_path):
    pretraining, rows, *_ = huang2019(tmp_path)
    with pytest.raises(ValueError, match=r"early_readmission, pretraining"):
        open_checkpoint(tmp_path / "model")
    source = open_checkpoint(
        tmp_path / "model", "discharge_readmission", vocab_file=pretraining / "vocab.txt"
    )
    assert settle_casing(source).tokenizer().inverse_vocab == rows


def test_the_files_that_were_left_alone_are_named(tmp_path):
    path, *_ = clinicalbert(tmp_path)
    (remark,) = open_checkpoint(path, cache_dir=tmp_path / "cache").remarks
    assert remark.endswith("read as tf1, left alone: pytorch_model.bin.")


def test_optimizer_slots_of_any_name_are_passed_over(tmp_path):
    path, *_ = biobert_1_0(tmp_path)
    source = open_checkpoint(path, cache_dir=tmp_path / "cache")
    assert len(source.ignored) == 2 * len(source.tensors) + 2
    assert {name.rsplit("/", 1)[-1] for name in source.ignored} == {
        *("BERTAdam", "BERTAdam_1", "global_step", "beta1_power"),
    }


@pytest.mark.parametrize(
    "name", ["bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001", "bert_config.json"]
)
def test_a_pointer_of_git_lfs_is_named(tmp_path, name):
    files_of_tf1(tmp_path, "bert_model.ckpt", UNCASED)
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\n")
    with pytest.raises(ValueError, match=f"{name}.*git lfs pull"):
        open_checkpoint(tmp_path).tokenizer()


def test_a_pointer_beside_what_is_read_does_no_harm(tmp_path):
    files_of_tf1(tmp_path, "bert_model.ckpt", UNCASED)
    (tmp_path / "tf_model.h5").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert open_checkpoint(tmp_path).kind == "tf1"


def test_names_in_capitals_and_marks_of_byte_order_are_read(tmp_path):
    files_of_tf1(tmp_path, "bert_model.ckpt", UNCASED)
    expected = settle_casing(open_checkpoint(tmp_path)).tokenizer().encode("chest pain")
    vocab, config = tmp_path / "vocab.txt", tmp_path / "bert_config.json"
    vocab.rename(tmp_path / "VOCAB.TXT").write_bytes(b"\xef\xbb\xbf" + "\r".join(UNCASED).encode())
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes())
    config.rename(tmp_path / "BERT_Config.JSON")
    source = settle_casing(open_checkpoint(tmp_path))
    assert source.tokenizer().encode("chest pain") == expected
    write_companions(source, str(tmp_path / "out"))
    rows = (tmp_path / "out" / "vocab.txt").read_bytes()
    assert rows == "\n".join(UNCASED).encode()


@pytest.mark.parametrize(
    "slot",
    ["LAMB", "lamb_m", "Adafactor/vr", "RMSProp/momentum", "ExponentialMovingAverage", "m_1/hat"],
)
def test_slots_at_any_depth_are_passed_over(tmp_path, slot):
    files_of_tf1(tmp_path, "model.ckpt-7", CASED, slots=(slot,))
    source = open_checkpoint(tmp_path)
    assert not check_tensors(source).other
    assert {name.removesuffix(f"/{slot}") for name in source.ignored} >= set(source.tensors)


@pytest.mark.parametrize("weights", ["biobert.safetensors", "model.fp16.safetensors", "model.bin"])
def test_the_one_file_of_weights_is_read_whatever_it_is_called(weights, tmp_path, monkeypatch):
    files_of_huggingface(tmp_path, UNCASED, {}, weights=weights)
    (tmp_path / "training_args.bin").write_bytes(b"a Trainer's own")
    with pytest.raises(FileNotFoundError, match="expected a checkpoint in it"):
        open_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config_of(UNCASED).to_dict()))
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path, weights):
        source = open_checkpoint(path)
        assert source.kind == "huggingface" and not check_tensors(source).missing
    (tmp_path / f"another.{weights}").write_bytes(b"which one?")
    with pytest.raises(FileNotFoundError, match="expected a checkpoint in it"):
        open_checkpoint(tmp_path)


def test_a_tf1_checkpoint_takes_the_vocabulary_of_a_tokenizer_file(tmp_path):
    files_of_tf1(tmp_path, "model.ckpt-7", UNCASED)
    (tmp_path / "vocab.txt").unlink()
    pieces = {row: number for number, row in enumerate(UNCASED)}
    model = {"type": "WordPiece", "continuing_subword_prefix": "##", "vocab": pieces}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    source = open_checkpoint(tmp_path, cache_dir=tmp_path / "cache")
    assert settle_casing(source).tokenizer().inverse_vocab == UNCASED


@pytest.mark.parametrize("layout", [google, huggingface_mirror])
def test_configuration_and_vocabulary_may_lie_elsewhere(layout, tmp_path):
    layout(tmp_path / "a")
    folder = next(p for p in (tmp_path / "a").iterdir() if p.is_dir())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (config,) = [p for p in folder.glob("*config.json")]
    expected = open_checkpoint(folder).config
    config.rename(elsewhere / "c.json")
    (folder / "vocab.txt").rename(elsewhere / "v.txt")
    with pytest.raises(FileNotFoundError, match=r"Expected a .*config\.json"):
        open_checkpoint(folder)
    given = {"config_file": elsewhere / "c.json", "vocab_file": elsewhere / "v.txt"}
    source = open_checkpoint(folder, **given)
    assert source.config == expected
    assert source.vocab_file == str(elsewhere / "v.txt")
    with pytest.raises(FileNotFoundError, match=r"no file .*none\.txt.*--vocab_file"):
        open_checkpoint(folder, **{**given, "vocab_file": elsewhere / "none.txt"})


def test_several_configurations_without_a_usual_name_are_refused(tmp_path):
    folder = files_of_tf1(tmp_path / "m", "bert_model.ckpt", UNCASED, config="bert_config_a.json")
    (folder / "bert_config_b.json").write_text("{}")
    with pytest.raises(ValueError, match=r"received bert_config_a\.json, bert_config_b\.json"):
        open_checkpoint(folder)


@pytest.mark.parametrize("name", ["emilyalsentzer/Bio_ClinicalBERT", "bert-base-uncased"])
def test_a_name_of_the_hub_is_recognised_and_nothing_is_downloaded(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"Nothing is downloaded\..*hf download") as error:
        open_checkpoint(name)
    assert name in str(error.value)
    with pytest.raises(FileNotFoundError, match=r"Nothing is downloaded\. Check the path"):
        open_checkpoint(tmp_path / "none" / "model.ckpt")


def test_a_configuration_with_harmless_keys_opens_and_with_others_does_not(tmp_path):
    keys = {"model_type": "bert", "layer_norm_eps": 1e-12, "architectures": ["BertModel"]}
    folder = files_of_tf1(tmp_path / "m", "bert_model.ckpt", UNCASED, keys=keys)
    assert open_checkpoint(folder).config == config_of(UNCASED)
    values = {**config_of(UNCASED).to_dict(), "layer_norm_eps": 1e-5}
    (folder / "bert_config.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r"layer_norm_eps 1e-05 \(BERT has 1e-12\)"):
        open_checkpoint(folder)


def test_a_zip_may_not_leave_its_folder_by_backslashes(tmp_path):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = "a\\..\\..\\evil.txt"
        archive.writestr(info, b"x")
    (tmp_path / "m.zip").write_bytes(data.getvalue())
    with pytest.raises(ValueError, match="members below the archive's own folder"):
        open_checkpoint(tmp_path / "m.zip", cache_dir=tmp_path / "cache")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
