"""Files are replaced completely, even by several writers at once; no temporary file remains."""

import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest

import fastpg
from fastpg import callbacks, files, loggers, monitor


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_made_and_replaced(tmp_path):
    target = tmp_path / "x.npz"
    for content in (b"one", b"", b"three" * 1000):
        files.replace_file(target, content)
        assert target.read_bytes() == content
    assert names(tmp_path) == ["x.npz"]
    old = os.umask(0o027)
    try:
        files.replace_file(target, b"")
    finally:
        os.umask(old)
    if os.name == "posix":
        assert target.stat().st_mode & 0o777 == 0o640


def test_the_folder_is_made(tmp_path):
    files.replace_file(tmp_path / "new" / "inside" / "x", b"1")
    assert (tmp_path / "new" / "inside" / "x").read_bytes() == b"1"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file"):
        files.replace_file(tmp_path / "file" / "x", b"")


def test_what_is_written_makes_its_folder_and_knows_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    for path in (
        algo.save("~/a/model"),
        algo.save_checkpoint("~/b/run"),
        fastpg.export(algo, "~/c/policy.h"),
        monitor.write_monitor("~/d/log", [1.0], [1]),
    ):
        assert path.is_file()
        assert path.is_relative_to(tmp_path)
    assert fastpg.load("~/a/model").seed == fastpg.resume("~/b/run").seed == 0
    algo.learn(
        2048,
        callbacks.CheckpointCallback(100, "~/e"),
        log=["~/f/run", loggers.CsvLogger("~/g/h.csv"), loggers.JsonLinesLogger("~/i/j.jsonl")],
    )
    for name in ("e/model_2048_steps.npz", "f/run/final.npz", "g/h.csv", "i/j.jsonl"):
        assert (tmp_path / name).is_file()


def test_what_cannot_be_replaced_leaves_nothing(tmp_path):
    (tmp_path / "x" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="x"):
        files.replace_file(tmp_path / "x", b"")
    assert names(tmp_path) == ["x"]


def kept_of(target):
    return target.with_name("kept")


def test_the_old_file_is_kept(tmp_path):
    target = tmp_path / "x"
    contents = [b"one", b"two", b"three"]
    for k, content in enumerate(contents):
        files.replace_file(target, content, kept_of(target))
        assert target.read_bytes() == content
        assert not k or kept_of(target).read_bytes() == contents[k - 1]
    assert names(tmp_path) == ["kept", "x"]


def test_where_both_names_are_of_one_file(tmp_path):
    """As after a process that was killed in between."""
    target = tmp_path / "x"
    target.write_bytes(b"one")
    kept_of(target).hardlink_to(target)
    files.replace_file(target, b"two", kept_of(target))
    assert (target.read_bytes(), kept_of(target).read_bytes()) == (b"two", b"one")
    assert names(tmp_path) == ["kept", "x"]


def test_the_old_file_is_kept_without_hard_links(tmp_path, monkeypatch):
    def refuse(self, target):
        raise PermissionError(1, "Operation not permitted", str(self))

    monkeypatch.setattr(type(tmp_path), "hardlink_to", refuse)
    test_the_old_file_is_kept(tmp_path)


def test_where_the_old_file_cannot_be_kept_everything_stays(tmp_path):
    target = tmp_path / "x"
    target.write_bytes(b"one")
    (kept_of(target) / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="kept"):
        files.replace_file(target, b"two", kept_of(target))
    assert target.read_bytes() == b"one"
    assert names(tmp_path) == ["kept", "x"]


def test_a_folder_is_not_kept_as_a_file(tmp_path):
    target = tmp_path / "x"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="x"):
        files.replace_file(target, b"two", kept_of(target))
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("kept", [False, True])
def test_threads_that_write_one_path(tmp_path, kept):
    target = tmp_path / "[x]*?.npz"
    errors = []

    def write(k):
        try:
            for _ in range(30):
                files.replace_file(target, bytes([k]) * 10_000, kept_of(target) if kept else None)
                assert len(set(target.read_bytes())) == 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for name in names(tmp_path):
        assert len((tmp_path / name).read_bytes()) == 10_000
    assert names(tmp_path) == [target.name, *(["kept"] if kept else [])]


def save_often(path):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=os.getpid())
    for _ in range(20):
        algo.save(path)
        fastpg.load(path)


@pytest.mark.slow
def test_processes_that_save_to_one_path(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=save_often, args=(tmp_path / "x.npz",)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert names(tmp_path) == ["x.npz"]


HALF = """
import os, sys
from pathlib import Path
from fastpg import callbacks, files, loggers, monitor

def stop(descriptor):
    print("half", flush=True)
    sys.stdin.read()

os.fsync = stop
files.replace_file(Path(sys.argv[1]), b"half")
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_what_a_killed_save_leaves_is_removed_by_the_next(tmp_path):
    target = tmp_path / "x.npz"
    files.replace_file(target, b"before")
    writer = subprocess.Popen(
        [sys.executable, "-c", HALF, str(target)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert writer.stdout.readline() == "half\n"
    files.replace_file(target, b"meanwhile")
    assert len(names(tmp_path)) == 2  # a file that is being written is not removed
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert target.read_bytes() == b"meanwhile"
    files.replace_file(target, b"after")
    assert names(tmp_path) == ["x.npz"]
    assert target.read_bytes() == b"after"


def test_one_that_another_removed_is_written_again(tmp_path, monkeypatch):
    replace, removed = type(tmp_path).replace, []

    def remove_first(self, target):
        if not removed:
            removed.append(self)
            self.unlink()
        return replace(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", remove_first)
    files.replace_file(tmp_path / "x", b"content")
    assert (tmp_path / "x").read_bytes() == b"content"
    assert names(tmp_path) == ["x"]


def archive_of(path, compression, **members):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name + ".npy", content)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_an_archive_that_grows_beyond_measure_is_not_unpacked(tmp_path, monkeypatch):
    meta = npy(np.array(json.dumps({"format": 1})))
    archive_of(tmp_path / "x.npz", zipfile.ZIP_DEFLATED, meta=meta, theta=npy(np.zeros(10**6)))
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(fastpg.CheckpointError, match=r"at most [\d,]+ bytes unpacked, got 8,000,"):
        fastpg.load(tmp_path / "x.npz")


def test_an_array_that_is_not_there_is_not_made_room_for(tmp_path, monkeypatch):
    theta = npy(np.zeros(3)).replace(b"(3,), }      ", b"(3000000,), }")
    assert len(theta) == len(npy(np.zeros(3)))
    archive_of(tmp_path / "x.npz", zipfile.ZIP_STORED, meta=npy(np.array("{}")), theta=theta)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(fastpg.CheckpointError, match="at most 152 bytes, got 24,000,000"):
        fastpg.load(tmp_path / "x.npz")


def test_a_compressed_checkpoint_can_be_read(tmp_path):
    path = fastpg.NPG("linear", "CartPole-v1", seed=0).save(tmp_path / "x")
    with np.load(path) as archive:
        content = dict(archive)
    np.savez_compressed(path, **content)
    assert fastpg.load(path).seed == 0


@pytest.mark.parametrize(("path", "error"), [("", ValueError), ("/", ValueError), (3, TypeError)])
def test_what_names_no_file(path, error):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    for call in (algo.save, fastpg.load):
        with pytest.raises(error, match="path: expected the name of a file, got"):
            call(path)
