import contextlib
import filecmp
import gzip
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

from tests.support import CASED, GOLDEN, NOTEEVENTS, ROOT, SENTENCE_FILES
from tfrecords_builder import schema, synthetic
from tfrecords_builder.building import pipeline
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage import spill

SENTENCES = SENTENCE_FILES[0]
# In this process, so that a test may patch what the steps use.
THREADS = [
    "--runner=DirectRunner",
    "--direct_num_workers=2",
    "--direct_running_mode=multi_threading",
]


@pytest.fixture
def beam():
    pytest.importorskip("apache_beam")
    from tfrecords_builder import beam

    return beam


def settings(output_dir, **changes):
    values = {
        "input": (NOTEEVENTS, SENTENCES),
        "vocab_file": CASED,
        "max_seq_length": 64,
        "max_predictions_per_seq": 10,
        "dupe_factor": 2,
        "num_shards": 3,
        "num_workers": 1,
    }
    return BuilderSettings(output_dir=str(output_dir), **values | changes)


def assert_same_folders(folder, other):
    names = sorted(os.listdir(folder))
    assert sorted(os.listdir(other)) == names
    assert schema.MANIFEST_NAME in names and len(names) >= 3
    same, different, errors = filecmp.cmpfiles(folder, other, names, shallow=False)
    assert (different, errors) == ([], [])
    assert same == names


def test_records_and_manifest_equal_the_local_runners(beam, tmp_path):
    local = pipeline.build_records(settings(tmp_path / "local"))
    assert beam.build_records(settings(tmp_path / "beam"), THREADS) == local
    assert local.counts["instances"] > 500
    assert_same_folders(tmp_path / "local", tmp_path / "beam")


def test_a_list_that_meets_no_note_is_counted_as_by_the_local_runner(beam, tmp_path, caplog):
    (tmp_path / "subjects.txt").write_text("987654321\n")
    changes = {"input": (NOTEEVENTS,), "exclude_subjects": str(tmp_path / "subjects.txt")}
    local = pipeline.build_records(settings(tmp_path / "local", **changes))
    caplog.clear()
    assert beam.build_records(settings(tmp_path / "beam", **changes), THREADS) == local
    assert local.counts["notes"]["filtered"]["excluded_subject"] == 0
    assert "None of the 1 ids of --exclude_subjects met a note" in caplog.text
    assert "987654321" not in caplog.text


@pytest.mark.large
@pytest.mark.parametrize(
    "changes",
    [
        {"masking": "dynamic", "dupe_factor": None, "compression": "gzip"},
        {
            "do_whole_word_mask": True,
            "categories": ("Nursing", "Radiology"),
            "input": (NOTEEVENTS,),
        },
        {"num_shards": 60, "dupe_factor": 1},
        {"pool_documents": 9, "random_seed": 4, "num_shards": 1},
    ],
    ids=["dynamic", "filtered", "empty_shards", "small_pools"],
)
def test_every_kind_of_records_equals_the_local_runners(beam, tmp_path, changes):
    local = pipeline.build_records(settings(tmp_path / "local", **changes))
    built = beam.build_records(settings(tmp_path / "beam", **changes), THREADS)
    assert built == local
    assert built.counts["instances"] > 100
    assert any(shard["instances"] == 0 for shard in built.shards) == (len(built.shards) == 60)
    assert_same_folders(tmp_path / "local", tmp_path / "beam")


@pytest.mark.large
def test_a_spacy_pipelines_records_equal_the_local_runners(beam, tmp_path):
    pytest.importorskip("spacy")
    changes = {"input": (NOTEEVENTS,), "dupe_factor": 1, "sentences": "spacy:blank"}
    local = pipeline.build_records(settings(tmp_path / "local", **changes))
    assert local.settings["sentences"]["pipeline"] == "blank"
    assert beam.build_records(settings(tmp_path / "beam", **changes), THREADS) == local
    assert_same_folders(tmp_path / "local", tmp_path / "beam")


@pytest.mark.large
def test_several_processes_make_the_local_runners_records(beam, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notes = tmp_path / "NOTEEVENTS.csv.gz"
    synthetic.write_noteevents(str(notes), 1500, seed=5)
    changes = {"input": (str(notes), NOTEEVENTS, SENTENCES), "dupe_factor": 1, "num_workers": 2}
    local = pipeline.build_records(settings(tmp_path / "local", **changes))
    # More documents than the reserve holds.
    assert local.counts["notes"]["written"] > spill.RESERVE_DOCUMENTS
    assert beam.build_records(settings(tmp_path / "beam", **changes)) == local
    assert_same_folders(tmp_path / "local", tmp_path / "beam")


@pytest.mark.large
def test_two_dask_workers_make_the_local_runners_records(beam, tmp_path, monkeypatch):
    distributed = pytest.importorskip("dask.distributed", reason="needs the extra `dask`")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Workers start elsewhere.
    monkeypatch.chdir(ROOT)
    inputs = tuple(os.path.relpath(path, ROOT) for path in (NOTEEVENTS, SENTENCES))
    local = pipeline.build_records(settings(tmp_path / "local", input=inputs))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=str(tmp_path)
    ) as cluster:
        options = ["--runner=DaskRunner", f"--dask_client_address={cluster.scheduler_address}"]
        built = beam.build_records(settings(tmp_path / "dask", input=inputs), options)
    assert built == local
    assert local.counts["instances"] > 500
    assert_same_folders(tmp_path / "local", tmp_path / "dask")


@pytest.mark.large
def test_a_join_lends_the_reserve_as_a_side_input_does(beam, tmp_path, monkeypatch):
    monkeypatch.setattr(beam, "is_on_dask", lambda options: True)
    monkeypatch.setattr(spill, "RESERVE_DOCUMENTS", 20)
    local = pipeline.build_records(settings(tmp_path / "local", num_shards=60))
    assert beam.build_records(settings(tmp_path / "joined", num_shards=60), THREADS) == local
    assert_same_folders(tmp_path / "local", tmp_path / "joined")


@pytest.mark.large
def test_only_the_reserve_lends_segments_to_small_shards(beam, tmp_path, monkeypatch):
    monkeypatch.setattr(spill, "RESERVE_DOCUMENTS", 20)
    local = pipeline.build_records(settings(tmp_path / "local", num_shards=20))
    assert beam.build_records(settings(tmp_path / "beam", num_shards=20), THREADS) == local
    assert_same_folders(tmp_path / "local", tmp_path / "beam")


@pytest.mark.large
@pytest.mark.parametrize("mode", ["exact", "minhash"])
def test_copies_are_dropped_as_by_the_local_runner(beam, tmp_path, mode):
    copy = tmp_path / "copy.csv"
    copy.write_bytes(pathlib.Path(NOTEEVENTS).read_bytes())
    changes = {"input": (NOTEEVENTS, str(copy)), "deduplicate": mode}
    local = pipeline.build_records(settings(tmp_path / "local", **changes))
    assert local.counts["notes"]["filtered"]
    assert beam.build_records(settings(tmp_path / "beam", **changes), THREADS) == local
    assert_same_folders(tmp_path / "local", tmp_path / "beam")


@pytest.mark.large
def test_notes_that_fail_are_listed_in_the_order_of_reading(beam, tmp_path):
    header = pathlib.Path(NOTEEVENTS).read_text(encoding="utf-8").splitlines()[0]
    notes = tmp_path / "notes.csv"
    bad = "".join(f'{900 + i},1,,,,,Nursing,,,,"{_raising_text()}"\n' for i in range(5))
    notes.write_text(f"{header}\n{bad}", encoding="utf-8")
    changes = {"input": (str(notes), NOTEEVENTS), "sections": "as_published"}
    local = pipeline.build_records(settings(tmp_path / "local", **changes))
    assert [note["note_id"] for note in local.failed_notes[:5]] == [str(900 + i) for i in range(5)]
    built = beam.build_records(settings(tmp_path / "beam", **changes), THREADS)
    assert built.failed_notes == local.failed_notes


def _raising_text():
    """A text of the golden edge cases for which the published rules raise."""
    with open(GOLDEN / "sections" / "edge_cases.jsonl", encoding="utf-8") as file:
        for line in file:
            case = json.loads(line)
            if "error" in str(case.get("as_published")):
                return case["text"].replace('"', '""')
    raise AssertionError("no edge case raises")


@pytest.mark.large
def test_files_are_for_their_owner_only_and_nothing_else_is_left(beam, tmp_path):
    folder = tmp_path / "records"
    beam.build_records(settings(folder), THREADS)
    assert sorted(os.listdir(folder)) == [
        "manifest.json",
        *(f"part-{i:05d}-of-00003.tfrecord" for i in range(3)),
        "vocab.txt",
    ]
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o600"}
    assert oct(folder.stat().st_mode & 0o777) == "0o700"


@pytest.mark.large
def test_finished_records_are_refused_and_replaced_when_told(beam, tmp_path):
    beam.build_records(settings(tmp_path, num_shards=4), THREADS)
    with pytest.raises(FileExistsError, match="--overwrite"):
        beam.build_records(settings(tmp_path), THREADS)
    beam.build_records(settings(tmp_path, overwrite=True), THREADS)
    assert len([name for name in os.listdir(tmp_path) if name.startswith("part-")]) == 3


@pytest.mark.large
def test_failed_build_names_the_cause_leaves_no_manifest_and_begins_anew(beam, tmp_path):
    notes = tmp_path / "notes.csv.gz"
    whole = gzip.compress(pathlib.Path(NOTEEVENTS).read_bytes())
    notes.write_bytes(whole[:20_000])
    folder = tmp_path / "records"
    with pytest.raises(RuntimeError, match=rf"{notes}, row \d+") as error:
        beam.build_records(settings(folder, input=(str(notes),)), THREADS)
    assert "\n" not in str(error.value)
    assert not (folder / schema.MANIFEST_NAME).exists()
    assert not [name for name in os.listdir(folder) if name.endswith(".tfrecord")]
    notes.write_bytes(whole)
    beam.build_records(settings(folder, input=(str(notes),)), THREADS)
    assert not (folder / ".unfinished").exists()


@pytest.mark.large
def test_fewer_than_two_notes_are_an_error(beam, tmp_path):
    notes = tmp_path / "one.txt"
    notes.write_text("Pt stable .\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"at least two notes with text .* received 1"):
        beam.build_records(settings(tmp_path / "records", input=(str(notes),)), THREADS)


def test_missing_input_is_an_error(beam, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        beam.build_records(settings(tmp_path, input=("nowhere.csv",)), THREADS)


def test_named_runner_takes_beams_own_options(beam):
    mine = settings("records", num_workers=3)
    assert beam.runner_options(mine, ["--runner=FlinkRunner", "--parallelism=8"]) == [
        "--runner=FlinkRunner",
        "--parallelism=8",
    ]
    dask = "--runner=apache_beam.runners.dask.dask_runner.DaskRunner"
    assert beam.runner_options(mine, ["--runner=DaskRunner"]) == [dask, "--dask_partition_size=1"]
    assert beam.runner_options(mine, [dask, "--dask_npartitions=9"]) == [
        dask,
        "--dask_npartitions=9",
    ]
    assert beam.runner_options(mine, ["--job_name=a"]) == [
        "--runner=DirectRunner",
        "--direct_num_workers=3",
        "--direct_running_mode=multi_processing",
        "--job_name=a",
    ]


def test_options_are_logged_without_their_values(beam, tmp_path, monkeypatch):
    logged = []
    monkeypatch.setattr(beam.logging, "info", lambda text, *values: logged.append(text % values))
    monkeypatch.setattr(beam, "connect", lambda *_, **__: None)
    options = [
        *THREADS,
        "--s3_secret_access_key=hidden",
        "--azure_connection_string",
        "hidden;AccountKey=hidden",
        "--streaming",
    ]
    with beam.temporary_folder(str(tmp_path)):
        beam._run(settings(tmp_path), None, {}, options)
    (line,) = logged
    assert line == (
        "Running on Apache Beam with --runner=DirectRunner --direct_num_workers "
        "--direct_running_mode --s3_secret_access_key --azure_connection_string --streaming."
    )
    assert beam.described(["--runner", "FlinkRunner", "x"]) == "--runner FlinkRunner"


@pytest.mark.large
@pytest.mark.parametrize("options", [THREADS, []], ids=["threads", "processes"])
def test_nothing_is_left_in_the_systems_temporary_folder(beam, tmp_path, monkeypatch, options):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    seen = []
    run_ = beam._run

    def run_noting(*arguments):
        seen.append(tempfile.gettempdir())
        run_(*arguments)
        seen.extend(os.listdir(tempfile.gettempdir()))

    monkeypatch.setattr(beam, "_run", run_noting)
    beam.build_records(settings(tmp_path / "records"), options)
    assert seen[0].startswith(f"{tmp_path}/records/.unfinished/")
    # Beam's own, which it leaves.
    assert any(name.startswith("beam-") for name in seen[1:])
    assert os.listdir(temporary) == []
    assert (tempfile.gettempdir(), os.environ["TMPDIR"]) == (str(temporary), str(temporary))
    assert not (tmp_path / "records" / ".unfinished").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"exclude_subjects": "bad.txt", "input": (NOTEEVENTS,)},
        {"vocab_file": "missing.txt"},
        {"input": ("missing.csv",)},
        {"input": ("header.csv",)},
    ],
)
def test_overwrite_removes_nothing_where_the_settings_are_refused(
    beam, tmp_path, changes, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.txt").write_text("12 patients\n", encoding="utf-8")
    (tmp_path / "header.csv").write_text("a,b\n", encoding="utf-8")
    record = tmp_path / "part-00000-of-00001.tfrecord"
    record.write_bytes(b"before")
    refused = r"missing\.|bad\.txt, line 1|header\.csv, header"
    with pytest.raises((FileNotFoundError, ValueError), match=refused):
        beam.build_records(settings(tmp_path, overwrite=True, **changes), THREADS)
    assert record.read_bytes() == b"before"


def run(*arguments, path=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "tfrecords_builder", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(path)},
        check=False,
    )


@pytest.mark.large
def test_command_runs_on_beam_with_its_options(beam, tmp_path):
    common = [f"--input={NOTEEVENTS}", f"--vocab_file={CASED}", "--num_shards=2", "--num_workers=1"]
    done = run(
        *common,
        f"--output_dir={tmp_path}/beam",
        "--runner=beam",
        "--beam_options=--runner=DirectRunner --direct_running_mode=in_memory",
    )
    assert done.returncode == 0, done.stderr
    assert f"instances to {tmp_path}/beam" in done.stdout
    local = run(*common, f"--output_dir={tmp_path}/local")
    assert local.stdout == done.stdout.replace(f"{tmp_path}/beam", f"{tmp_path}/local")
    assert_same_folders(tmp_path / "local", tmp_path / "beam")


def test_beams_options_without_beam_are_refused(tmp_path):
    done = run(f"--output_dir={tmp_path}", "--beam_options=--runner=FlinkRunner")
    assert done.returncode == 1
    assert "Expected --runner=beam with --beam_options" in done.stderr


def test_command_without_apache_beam_names_the_extra(tmp_path):
    (tmp_path / "apache_beam").mkdir()
    (tmp_path / "apache_beam" / "__init__.py").write_text(
        "raise ModuleNotFoundError('no', name='apache_beam')"
    )
    done = run(f"--output_dir={tmp_path}/records", "--runner=beam", path=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: ") and "clinicalbert_tf[beam]" in line


def test_without_apache_beam_the_extra_is_named():
    program = (
        "import sys\n"
        "sys.modules['apache_beam'] = None\n"
        "try:\n"
        "    import tfrecords_builder.beam\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert "clinicalbert_tf[beam]" in done.stdout and "--runner=local" in done.stdout


@pytest.fixture
def bucket(beam, monkeypatch):
    """Paths that begin with bucket:// as a remote file system: the local one behind a scheme."""
    from apache_beam.io import filesystem, localfilesystem

    from tfrecords_builder.notes.sources import input_files, remote_files

    def local(path):
        return path.removeprefix("bucket://")

    class Bucket(localfilesystem.LocalFileSystem):
        opened: list[str] = []  # noqa: RUF012

        @classmethod
        def scheme(cls):
            return "bucket"

        def _list(self, dir_or_prefix):
            for found in super()._list(local(dir_or_prefix)):
                yield filesystem.FileMetadata(f"bucket://{found.path}", found.size_in_bytes)

        def _path_open(self, path, mode, mime_type=None, compression_type="auto"):
            self.opened.append(path)
            return super()._path_open(local(path), mode, mime_type, compression_type)

        def create(self, path, mime_type="", compression_type="auto"):
            os.makedirs(os.path.dirname(local(path)), exist_ok=True)
            return self._path_open(path, "wb", mime_type, compression_type)

        def rename(self, sources, destinations):
            for source, destination in zip(sources, destinations, strict=True):
                # As HDFS does.
                assert not os.path.exists(local(destination))
                os.rename(local(source), local(destination))

        def exists(self, path):
            return os.path.exists(local(path))

        def delete(self, paths):
            for path in paths:
                os.unlink(local(path))

    monkeypatch.setattr(remote_files, "SCHEMES", ("bucket://",))
    monkeypatch.setattr(input_files, "REMOTE", re.compile("bucket://"))
    yield Bucket
    # Beam finds file systems among the classes that exist.
    with contextlib.suppress(AttributeError):
        Bucket.scheme = classmethod(lambda cls: "closed")


@pytest.mark.large
def test_remote_inputs_and_outputs_go_through_beam(beam, bucket, tmp_path):
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    (inputs / "a.csv.gz").write_bytes(gzip.compress(pathlib.Path(NOTEEVENTS).read_bytes(), mtime=0))
    (inputs / "b.csv").write_bytes(pathlib.Path(NOTEEVENTS).read_bytes())
    local = pipeline.build_records(settings(tmp_path / "local", input=(f"{inputs}/*",)))
    remote = settings(f"bucket://{tmp_path}/beam", input=(f"bucket://{inputs}/*",))
    built = beam.build_records(remote, THREADS)
    assert [entry["path"] for entry in built.inputs] == [
        f"bucket://{inputs}/a.csv.gz",
        f"bucket://{inputs}/b.csv",
    ]
    assert [entry["sha256"] for entry in built.inputs] == [
        entry["sha256"] for entry in local.inputs
    ]
    for shard in local.shards:
        same = tmp_path / "beam" / shard["file"]
        assert same.read_bytes() == (tmp_path / "local" / shard["file"]).read_bytes()
    assert not [name for name in os.listdir(tmp_path / "beam") if ".tmp-" in name]
    assert any("a.csv.gz" in path for path in bucket.opened)
    with pytest.raises(FileExistsError, match="--overwrite"):
        beam.build_records(remote, THREADS)
    with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
        beam.build_records(
            settings(remote.output_dir, overwrite=True, vocab_file="missing.txt"), THREADS
        )
    assert (tmp_path / "beam" / schema.MANIFEST_NAME).exists()
    (tmp_path / "beam" / f".vocab.txt.tmp-{'0a' * 16}").write_bytes(b"of a killed build")
    again = settings(remote.output_dir, input=remote.input, overwrite=True, num_shards=2)
    assert len(beam.build_records(again, THREADS).shards) == 2
    assert len([name for name in os.listdir(tmp_path / "beam") if name.startswith("part-")]) == 2
    assert not [name for name in os.listdir(tmp_path / "beam") if ".tmp-" in name]


def test_remote_folder_without_input_is_refused(beam, bucket, tmp_path):
    with pytest.raises(ValueError, match="Expected --input with --output_dir=bucket://"):
        beam.build_records(settings(f"bucket://{tmp_path}/beam", input=()), THREADS)


def test_missing_remote_input_is_an_error(beam, bucket, tmp_path):
    with pytest.raises(FileNotFoundError, match="bucket://"):
        beam.build_records(settings(tmp_path, input=(f"bucket://{tmp_path}/none*",)), THREADS)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
