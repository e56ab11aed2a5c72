"""Development commands, one line each: `nox -s format`, `nox -s native`, ...

The sessions run the tools of the environment that nox itself runs in (`pip install -e ".[dev]"`).
"""

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "native"]

# Those that pyproject.toml names.
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
SOURCES = ("pyautograd", "tests", "examples", "bench", ".ci", "noxfile.py")


def cpp_files(session):
    listed = session.run("git", "ls-files", "*.cpp", "*.h", "*.cu", "*.cuh", silent=True)
    return listed.split()


def native_build(session, folder, *definitions):
    options = ["-DPYAUTOGRAD_PYTHON=OFF", *(f"-D{definition}" for definition in definitions)]
    session.run("cmake", "-S", ".", "-B", folder, "-G", "Ninja", *options)
    session.run("cmake", "--build", folder)


@nox.session
def format(session):
    """Rewrite every source file in the project's format."""
    session.run("ruff", "check", "--fix", *SOURCES)
    session.run("ruff", "format", *SOURCES)
    session.run("clang-format", "-i", *cpp_files(session))


@nox.session
def lint(session):
    """Lint, and check the format without touching a file."""
    session.run("ruff", "check", *SOURCES)
    session.run("ruff", "format", "--check", *SOURCES)
    session.run("clang-format", "--dry-run", "-Werror", *cpp_files(session))


@nox.session
def types(session):
    """Check the types, and that the generated stubs are current."""
    session.run("mypy")
    session.run("mypy", "tests/project/test_typing.py")
    # -I: not the source folder, which holds no compiled core.
    session.run("python", "-I", "-m", "pyautograd._stubs", "--check")


@nox.session
def tests(session):
    """Run the Python tests on the installed package."""
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS, venv_backend="venv")
def pythons(session):
    """Build and test with each other Python that is here, in an environment of its own."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def native(session):
    """Build and run the C++ tests."""
    native_build(session, "build/native", "PYAUTOGRAD_NATIVE_TESTS=ON")
    session.run("ctest", "--test-dir", "build/native", "--output-on-failure", *session.posargs)


@nox.session
def ptx(session):
    """Run the device tests on the CUDA library as nvcc compiles it, interpreted on the host."""
    folder = "build/ptx"
    pybind11 = session.run("python", "-m", "pybind11", "--cmakedir", silent=True).strip()
    options = ("-DPYAUTOGRAD_CUDA=on", "-DPYAUTOGRAD_PTX_TESTS=ON", f"-Dpybind11_DIR={pybind11}")
    session.run("cmake", "-S", ".", "-B", folder, "-G", "Ninja", *options)
    session.run("cmake", "--build", folder, "--target", "pyautograd_ptx_tests")
    session.run(f"{folder}/pyautograd_ptx_tests", external=True)
    library = f"{session.invoked_from}/{folder}/libpyautograd_cuda_ptx.so"
    device_tests = session.posargs or ["tests/cuda"]
    session.run("pytest", *device_tests, env={"PYAUTOGRAD_TEST_CUDA_LIBRARY": library})


@nox.session
def sanitize(session):
    """Run the C++ tests and a part of the Python tests under ASan and UBSan."""
    session.run("bash", ".ci/sanitize", "build/sanitize", external=True)


@nox.session
def sanitize_thread(session):
    """Run the C++ tests under the thread sanitizer."""
    native_build(session, "build/tsan", "PYAUTOGRAD_NATIVE_TESTS=ON", "PYAUTOGRAD_SANITIZE=thread")
    session.run("ctest", "--test-dir", "build/tsan", "--output-on-failure")


@nox.session
def coverage(session):
    """Print the line coverage of pyautograd/ and csrc/."""
    session.run("bash", ".ci/coverage", "build/coverage", external=True)


@nox.session
def bench(session):
    """Compare with PyTorch and JAX, which `pip install -e ".[bench]"` brings."""
    for program in ("bench/engine.py", "bench/maml.py", "bench/ops.py"):
        session.run("python", program, *session.posargs)


@nox.session
def bench_native(session):
    """Build and run the C++ benchmarks."""
    native_build(session, "build/bench", "PYAUTOGRAD_BENCH=ON")
    session.run("build/bench/bench/native/pyautograd_bench", *session.posargs, external=True)


@nox.session
def ci(session):
    """Run everything the CI runs."""
    session.run(".ci/run", *session.posargs, external=True)
