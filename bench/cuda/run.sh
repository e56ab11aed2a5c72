#!/usr/bin/env bash
# bench/cuda/run.sh [FOLDER]: on a machine with a CUDA device and no network, builds this checkout with what is
# installed, runs the device tests and prints the tables. About ten minutes, most of them the build.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(realpath -m "${1:-build/cuda}")
step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

step "device"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
nvcc --version | tail -n 1

step "build"
rm -rf "$folder"
pip install --quiet --no-build-isolation --no-deps --target "$folder" . \
  -C cmake.define.PYAUTOGRAD_CUDA=on -C build-dir="$folder-objects"
export PYTHONPATH="$folder"
ls -l "$folder"/pyautograd/*.so "$folder"/pyautograd/lib/*.so

step "device tests"
python -m pytest -p no:cacheprovider -q -rs tests/test_cuda*.py

step "kernels under compute-sanitizer"
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck; do
    compute-sanitizer --tool "$tool" --error-exitcode 1 --print-limit 20 \
      python -m pytest -p no:cacheprovider -q -n 0 tests/test_cuda.py -k "not values_are or sum or softmax or matmul"
  done
else
  echo "compute-sanitizer is not here"
fi

step "tables"
python bench/cuda/ops.py
