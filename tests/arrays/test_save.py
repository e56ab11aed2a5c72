"""pa.save and pa.load: every kind of leaf, files that lie, and interruptions at any moment."""

import dataclasses
import io
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from collections import namedtuple

import numpy as np
import pytest
from support.processes import SITE

import pyautograd as pa

Moments = namedtuple("Moments", "mean square")


@dataclasses.dataclass
class Layer:
    weight: object
    bias: object


def everything():
    return {
        "params": [Layer(pa.tensor([[1.5, -2.0]], requires_grad=True), pa.zeros(3, "float32"))],
        "moments": Moments(pa.asarray(np.arange(6).reshape(2, 3)), None),
        "empty": pa.zeros((0, 4)),
        "scalar": pa.tensor(np.nan),
        "mask": np.array([True, False]),
        "transposed": np.arange(6.0).reshape(2, 3).T,
        "number": np.float32(0.25),
        "int": -(2**63),
        "float": 0.1,
        "complex": 1j,
        "bool": True,
        "text": "η = 0.1 \x00 ok",
        1: (),
    }


def same(one, other):
    """Trees of the same leaves, bit by bit, type by type."""
    leaves, structure = pa.tree.flatten(one)
    others, other_structure = pa.tree.flatten(other)
    assert structure == other_structure
    for a, b in zip(leaves, others, strict=True):
        assert type(a) is type(b)
        if isinstance(a, pa.Tensor):
            assert a.requires_grad == b.requires_grad and b.is_leaf
            a, b = a.detach().numpy(), b.detach().numpy()
        a, b = np.asarray(a), np.asarray(b)
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    return True


def small():
    return {"w": pa.asarray([1.0, 2.0]), "steps": 3}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tree.npz"


def test_every_kind_of_leaf_comes_back(path):
    pa.save(path, everything())
    assert same(everything(), pa.load(path, like=everything()))
    assert os.listdir(path.parent) == [path.name]


def test_the_file_is_an_ordinary_npz_of_the_same_bytes_every_time(path):
    pa.save(path, small())
    first = path.read_bytes()
    with np.load(path, allow_pickle=False) as file:
        assert file.files == ["['w']", "['steps']"]
        assert file["['w']"].tolist() == [1.0, 2.0]
    pa.save(path, small())
    assert path.read_bytes() == first


def test_files_that_numpy_wrote_are_read(path):
    values = {"['w']": np.array([3.0, 4.0], ">f8"), "['steps']": np.int64(5)}
    for write in (np.savez, np.savez_compressed):
        write(path, **values)
        loaded = pa.load(path, like=small())
        assert (loaded["w"].tolist(), loaded["steps"]) == ([3.0, 4.0], 5)


def test_a_single_leaf_and_str_paths(path):
    pa.save(str(path), pa.ones(3))
    assert pa.load(str(path), like=pa.zeros(3)).tolist() == [1.0] * 3
    assert np.load(path).files == ["arr_0"]


@pytest.mark.parametrize(
    "other, message",
    [
        ({"w": pa.ones(3), "steps": 0}, r"at \['w'\]: expected shape \(3,\), found \(2,\)"),
        ({"w": pa.ones(2, "float32"), "steps": 0}, r"at \['w'\]: expected dtype float32, found f"),
        ({"w": pa.ones(2), "steps": 0.0}, r"at \['steps'\]: expected dtype float64, found int64"),
        ({"w": pa.ones(2), "steps": ""}, r"at \['steps'\]: expected dtype <U0, found int64"),
        ({"w": pa.ones(2)}, r"at \['steps'\]: expected no entry, found one"),
        ({"w": pa.ones(2), "v": 1, "u": 1}, r"at \['v'\]: expected an entry, found none"),
        ({"w": [pa.ones(2)], "steps": 0}, r"at \['w'\]\[0\]: expected an entry, found none"),
    ],
)
def test_mismatched_trees_name_the_first_differing_path(path, other, message):
    pa.save(path, small())
    with pytest.raises(ValueError, match=r"\[load\] .*tree.npz does not match " + message):
        pa.load(path, like=other)


def test_a_file_cut_off_anywhere_is_an_error(path):
    pa.save(path, small())
    whole = path.read_bytes()
    like = small()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="damaged, truncated or no .npz file"):
            pa.load(path, like=like)
    assert same(like, small())


def test_a_file_with_any_byte_changed_is_an_error_or_harmless(path):
    pa.save(path, small())
    whole = path.read_bytes()
    refused = 0
    for i in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            path.write_bytes(whole[:i] + bytes([whole[i] ^ flip]) + whole[i + 1 :])
            try:
                # A date, say, may change without harm.
                assert same(pa.load(path, like=small()), small())
            except ValueError as error:
                assert str(error).startswith("[load] ")
                refused += 1
    assert refused > len(whole)


def npy(array=None, header=None, version=b"\x01\x00", data=b""):
    """The bytes of an .npy member, possibly one that lies."""
    if array is not None:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, allow_pickle=True)
        return buffer.getvalue()
    text = header.encode("latin1")
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


def header(descr="'<f8'", order="False", shape="(2,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n"


class Bomb:
    def __reduce__(self):
        return os.abort, ()


HOSTILE = {
    "pickled objects": npy(np.array([Bomb(), Bomb()], dtype=object)),
    "a bare pickle": pickle.dumps(Bomb()),
    "a shape beyond memory": npy(header=header(shape="(2, 1000000000000)")),
    "a shape that overflows": npy(header=header(shape=f"({2**62}, {2**62})")),
    "a negative shape": npy(header=header(shape="(-2,)")),
    "a shape that is no tuple": npy(header=header(shape="'ab'")),
    "code in the header": npy(header=header(shape="__import__('os').abort()")),
    "deep nesting in the header": npy(header=header(shape="(" * 3000 + ")" * 3000)),
    "a long chain in the header": npy(header=header(shape="-" * 60000 + "1")),
    "an unknown dtype": npy(header=header(descr="'<f999'")),
    "a structured dtype": npy(header=header(descr="[('a', '<f8')]"), data=bytes(16)),
    "object dtype without a pickle": npy(header=header(descr="'|O'"), data=bytes(16)),
    "more data than the shape": npy(header=header(), data=bytes(24)),
    "less data than the shape": npy(header=header(), data=bytes(8)),
    "another version": npy(header=header(), version=b"\x09\x00", data=bytes(16)),
    "nothing": b"",
}


@pytest.mark.parametrize("member", HOSTILE.values(), ids=HOSTILE)
def test_hostile_members(path, member):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("['w'].npy", member)
        archive.writestr("['steps'].npy", npy(np.int64(3)))
    like = small()
    with pytest.raises(ValueError, match=r"^\[load\] "):
        pa.load(path, like=like)
    assert same(like, small())


def test_hostile_archives(path):
    def expect(message, names, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name in names:
                archive.writestr(name, npy(np.array([1.0, 2.0])))
        with pytest.raises(ValueError, match=message):
            pa.load(path, like={"w": pa.zeros(2)})

    with pytest.warns(UserWarning, match="Duplicate name"):
        expect("two entries have the same name", ["['w'].npy", "['w'].npy"])
    expect("two entries have the same name", ["['w'].npy", "['w']"])
    expect(r"at \.\./\.\./w: expected no entry", ["['w'].npy", "../../w.npy"])
    expect("compression method 14", ["['w'].npy"], zipfile.ZIP_LZMA)
    path.write_bytes(b"no archive at all")
    with pytest.raises(ValueError, match="damaged, truncated or no .npz file"):
        pa.load(path, like={})


def test_a_long_string_is_refused_before_it_is_read(path):
    text = npy(header=header(descr=f"'<U{2**28}'", shape="()"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("['text'].npy", text + bytes(2**20))
    with pytest.raises(ValueError, match="expected at most 1048576 characters"):
        pa.load(path, like={"text": ""})


@pytest.mark.parametrize(
    "leaf, error, message",
    [
        (object(), TypeError, r"\[save\] the leaf at \['x'\] is a object"),
        (b"bytes", TypeError, "is a bytes"),
        (np.array([None]), TypeError, "is a ndarray of dtype object"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "dtype datetime64"),
        (2**63, ValueError, "does not fit int64"),
        ("ends in\0", ValueError, "ends in a null character"),
    ],
)
def test_leaves_that_cannot_be_saved(path, leaf, error, message):
    with pytest.raises(error, match=message):
        pa.save(path, {"x": leaf})
    assert os.listdir(path.parent) == []


def test_paths_that_cannot_be_names(path):
    class Key:
        def __repr__(self):
            return "key"

    with pytest.raises(ValueError, match=r"\[save\] two leaves have the path \[key\]"):
        pa.save(path, {Key(): 1.0, Key(): 2.0})
    with pytest.raises(ValueError, match="cannot be a name in a file"):
        pa.save(path, {"x" * 40000: 1.0})


def test_a_mapped_tensor_cannot_be_saved(path):
    with pytest.raises(RuntimeError, match="vmap"):
        pa.func.vmap(lambda x: pa.save(path, x))(pa.ones(2))
    assert os.listdir(path.parent) == []


def test_a_failure_while_writing_leaves_the_old_file(path, monkeypatch):
    pa.save(path, small())
    before = path.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full_disk)
            with pytest.raises(OSError, match="No space left"):
                pa.save(path, {"other": pa.ones(5)})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_where_a_file_cannot_be(tmp_path):
    with pytest.raises(FileNotFoundError):
        pa.save(tmp_path / "missing" / "tree.npz", small())
    with pytest.raises(FileNotFoundError):
        pa.load(tmp_path / "missing.npz", like=small())
    with pytest.raises(OSError, match="is there and is not a regular file"):
        pa.save(tmp_path, small())
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is not a regular file"):
        pa.save(tmp_path / "pipe", small())
    assert sorted(os.listdir(tmp_path)) == ["pipe"]


def test_links_and_permissions_survive(tmp_path):
    target, link = tmp_path / "target.npz", tmp_path / "link.npz"
    pa.save(target, small())
    mask = os.umask(0)
    os.umask(mask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~mask
    target.chmod(0o640)
    link.symlink_to(target)
    pa.save(link, {"new": 1})
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert pa.load(target, like={"new": 0}) == {"new": 1}


def test_a_killed_process_leaves_a_whole_file(path):
    code = """
        import sys, numpy as np, pyautograd as pa
        step = 0
        while True:
            pa.save(sys.argv[1], {"step": step, "x": pa.asarray(np.full(20000, float(step)))})
            step += 1
    """
    lines = "\n".join(line[8:] for line in code.splitlines())
    for i in range(5):
        process = subprocess.Popen([sys.executable, "-c", lines, str(path)], cwd=SITE)
        try:
            deadline = time.monotonic() + 60
            while not path.exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(0.02 + 0.013 * i)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        loaded = pa.load(path, like={"step": 0, "x": np.zeros(20000)})
        assert (loaded["x"] == loaded["step"]).all()
        path.unlink()
