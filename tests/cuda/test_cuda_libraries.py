"""NVIDIA's libraries: where they are found, and that they are what we declare them to be.

The second needs their headers and libraries, as the packages nvidia-cublas, nvidia-cusolver,
nvidia-cufft and nvidia-cudnn-cu13 hold them, with nvidia-cuda-runtime (or all five ending in
-cu12), but no device.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import run_code

import pyautograd as pa

CHECKOUT = Path(__file__).resolve().parents[2]
KERNELS = CHECKOUT / "csrc" / "kernels" / "cuda"


def include_folders():
    """Those of NVIDIA's packages, and the toolkit's."""
    packages = [Path(entry) / "nvidia" for entry in sys.path]
    found = [f for p in packages for f in (p / "cu13" / "include", *sorted(p.glob("*/include")))]
    toolkit = os.environ.get("CUDA_HOME") or "/usr/local/cuda"
    found = [folder for folder in (*found, Path(toolkit) / "include") if folder.is_dir()]
    for header in ("cuda_runtime.h", "cublas_v2.h", "cusolverDn.h", "cufft.h", "cudnn.h"):
        if not any((folder / header).is_file() for folder in found):
            pytest.skip(
                f"{header} is nowhere: pip install nvidia-cublas nvidia-cusolver "
                "nvidia-cufft nvidia-cudnn-cu13 nvidia-cuda-runtime"
            )
    return list(dict.fromkeys(found))


def compile_with(*arguments):
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    done = subprocess.run([compiler, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    """The compiled tests/nvidia_headers.cpp, whose assertions have held."""
    program = tmp_path_factory.mktemp("nvidia") / "nvidia_headers"
    includes = [f"-isystem{folder}" for folder in include_folders()]
    sources = [CHECKOUT / "tests" / "nvidia_headers.cpp"]
    sources += [KERNELS / name for name in ("functions.cpp", "library_search.cpp")]
    sources += ["-x", "c++", KERNELS / "shared_library.cu"]
    options = ["-std=c++20", f"-I{CHECKOUT / 'csrc'}", *includes]
    compile_with(*options, *sources, "-o", program, "-ldl")
    return program


def look_up(checker, *folders):
    done = subprocess.run([checker, *folders], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_headers_and_libraries_agree_with_us(checker):
    found = look_up(checker, *sys.path)
    for name in ("cuBLAS", "cuSOLVER", "cuFFT", "cuDNN"):
        assert found[name].startswith("complete /"), found[name]


def test_packages_may_lie_in_several_folders(checker, tmp_path):
    found = look_up(checker, *sys.path)
    folders = []
    for entry in sys.path:
        for library in Path(entry, "nvidia").glob("*/lib/lib*.so.*"):
            folder = tmp_path / library.name / library.relative_to(entry).parent
            folder.mkdir(parents=True)
            (folder / library.name).symlink_to(library)
            folders.append(tmp_path / library.name)
    apart = look_up(checker, *folders)
    for name in ("cuBLAS", "cuSOLVER", "cuFFT", "cuDNN"):
        assert Path(apart[name].split()[-1]).name == Path(found[name].split()[-1]).name


def test_the_library_of_this_build_opens_without_a_driver():
    library = Path(pa.__file__).parent / "lib" / "libpyautograd_cuda.so"
    if not library.is_file():
        pytest.skip("this build has no cuda library")
    done = run_code("import pyautograd as pa; print(*pa.cuda.libraries())")
    assert done.stdout.split() == ["cuBLAS", "cuSOLVER", "cuFFT", "cuDNN"], done.stderr


# What follows uses the emulated device, whose search is the real one.


def libraries_beside(folder, code=""):
    """What a fresh process finds with a folder at the end of sys.path."""
    library = os.environ.get("PYAUTOGRAD_TEST_CUDA_LIBRARY")
    if not library:
        pytest.skip("needs the emulated device")
    done = run_code(f"""
        import ctypes, os, sys
        import pyautograd as pa
        pa._core.set_backend_library({library!r})
        sys.path[:] = [entry for entry in sys.path if not os.path.isdir(entry + "/nvidia")]
        sys.path.append({str(folder)!r})
        {code}
        for name, place in pa.cuda.libraries().items():
            print(name, place)
        print(pa._core.device_libraries()["cuFFT"][1])
    """)
    assert done.returncode == 0, done.stderr
    *found, complaint = done.stdout.splitlines()
    return dict(line.split() for line in found), complaint


def place_library(folder, file):
    """An empty library of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "empty.cpp"
    source.touch()
    compile_with("-shared", f"-Wl,-soname,{file}", "-o", folder / file, source)
    return str(folder / file)


def test_packages_are_found_in_the_folders_of_python(tmp_path):
    blas = place_library(tmp_path / "nvidia/cu13/lib", "libcublas.so.13")
    fft = place_library(tmp_path / "nvidia/cufft/lib", "libcufft.so.11")
    found, complaint = libraries_beside(tmp_path)
    assert (found["cuBLAS"], found["cuFFT"], complaint) == (blas, fft, fft)


def test_the_release_that_is_loaded_is_preferred(tmp_path):
    place_library(tmp_path / "nvidia/cu13/lib", "libcublas.so.13")
    place_library(tmp_path / "nvidia/cu13/lib", "libcufft.so.12")
    fft = place_library(tmp_path / "nvidia/cufft/lib", "libcufft.so.11")
    other = place_library(tmp_path / "elsewhere", "libcublas.so.12")
    found, _ = libraries_beside(tmp_path, f"ctypes.CDLL({other!r})")
    assert (found["cuBLAS"], found["cuFFT"]) == (other, fft)


def test_what_was_tried_is_named(tmp_path):
    (tmp_path / "nvidia/cu13/lib").mkdir(parents=True)
    broken = tmp_path / "nvidia/cu13/lib/libcufft.so.12"
    broken.write_text("no library")
    found, complaint = libraries_beside(tmp_path)
    assert found["cuFFT"] == "None"
    for part in (
        "libcufft.so.12 (or libcufft.so.11 of CUDA 12)",
        "nvidia/cu13/lib/",
        "sys.path",
        "/usr/local/cuda/lib64/",
        str(broken),
    ):
        assert part in complaint
