#!/usr/bin/env bash
# bench/cuda/run.sh [PART...]: on a machine with a CUDA device and no network. Without names, all parts in this order;
# each takes less than ten minutes and can be a command of its own:
#   build      this checkout with what is installed, for this machine's device
#   smoke      whether each kind of kernel works, each in a process of its own
#   tests      the device tests
#   tables     bounds.py, which prints what is to be reached beside PyTorch, JAX and cuBLAS
#   more       ops.py, the same for further ops
#   sanitizer  compute-sanitizer on the kernels of smoke
# With sixteen cores three commands of ten minutes do: build smoke tables, tests, more sanitizer.
# A part that fails is reported at the end and does not keep the next ones from running. Logs and tables go to
# $OUT, or build/cuda-results. PYTHON chooses the interpreter: the first with PyTorch otherwise. Wheels in $WHEELS, or
# build/wheels, are installed beside the build: scipy-openblas32, which the host's linear algebra needs, and pybind11
# and scikit-build-core where that interpreter has older ones than pyproject.toml asks for, and what the tests import
# where it has none (build names it).
set -uo pipefail
cd "$(dirname "$0")/../.."
site=$PWD/build/cuda
results=$(realpath -m "${OUT:-build/cuda-results}")
wheels=$(realpath -m "${WHEELS:-build/wheels}")
mkdir -p "$results"
export PYTHONPATH=$site PYTHONUNBUFFERED=1
export PATH=$PATH:/usr/local/cuda/bin  # for compute-sanitizer, where nothing else has it
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}

choose_python() {
  local found
  for found in python3 python; do
    command -v "$found" >/dev/null && "$found" -c 'import torch' 2>/dev/null && { echo "$found"; return; }
  done
  echo python3
}
python=${PYTHON:-$(choose_python)}

build() {
  nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader
  local capability
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d .)
  rm -rf "$site"
  if compgen -G "$wheels/*.whl" >/dev/null; then
    "$python" -m pip install --quiet --no-index --no-deps --target "$site" "$wheels"/*.whl || return
  fi
  "$python" -m pip install --no-build-isolation --no-deps --target "$site" . -C cmake.define.PYAUTOGRAD_CUDA=on \
    ${capability:+-C "cmake.define.CMAKE_CUDA_ARCHITECTURES=$capability-real"} -C build-dir=build/cuda-objects || return
  ls -l "$site"/pyautograd/*.so "$site"/pyautograd/lib/*.so
  local module
  for module in pytest xdist hypothesis scipy; do
    "$python" -c "import $module" 2>/dev/null || echo "the tests will fail without $module: put its wheel in $wheels"
  done
  # Not from here, where the sources would be imported.
  (cd "$site" && "$python" -c 'import pyautograd as pa; print(pa.cuda.libraries()); print(pa.cuda.name())')
}

smoke() { timeout 570 "$python" bench/cuda/smoke.py; }

# Those that use up the device's memory go alone.
tests() {
  local run=("$python" -m pytest -p no:cacheprovider -q --tb=short -rfEs -o faulthandler_timeout=120) failed=0
  timeout 450 "${run[@]}" -n 8 --junitxml="$results/tests.xml" tests/cuda -k "not memory" || failed=1
  timeout 110 "${run[@]}" -n 0 tests/cuda -k memory || failed=1
  return $failed
}

tables() { timeout 570 "$python" bench/cuda/bounds.py --out "$results"; }
more() { timeout 570 "$python" bench/cuda/ops.py --out "$results"; }

# Of what cuBLAS does with its memory, nothing is asked.
sanitizer() {
  command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is not here"; return 1; }
  local tool failed=0
  for tool in memcheck racecheck synccheck initcheck; do
    echo "-- $tool"
    timeout 130 compute-sanitizer --tool "$tool" --error-exitcode 1 --print-limit 20 \
      "$python" bench/cuda/smoke.py --in-process --own || failed=1
  done
  return $failed
}

[ $# -gt 0 ] || set -- build smoke tests tables more sanitizer
failed=()
for part in "$@"; do
  case $part in
    build | smoke | tests | tables | more | sanitizer) ;;
    *) echo "no part is called $part" >&2; exit 2 ;;
  esac
  printf '\n== %s (%d s)\n' "$part" "$SECONDS"
  "$part" 2>&1 | tee "$results/$part.log" || failed+=("$part")
done
printf '\n== %d s; %s\n' "$SECONDS" "${failed[*]:+failed: ${failed[*]}}"
[ ${#failed[@]} -eq 0 ]
