#include "core/backend.h"

#include <dlfcn.h>
#include <unistd.h>

#include <charconv>
#include <mutex>

namespace pyautograd {

namespace {

struct Library {
  std::mutex mutex;
  std::string path;
  std::atomic<Backend*> backend{nullptr};
  std::atomic<std::vector<std::string> (*)()> search{nullptr};
};

Library& library() {
  static Library* instance = new Library;  // outlives every array
  return *instance;
}

// Beside the library that this code lies in.
std::string standard_path() {
  Dl_info here{};
  dladdr(reinterpret_cast<const void*>(&standard_path), &here);
  const std::string own = here.dli_fname ? here.dli_fname : "";
  return own.substr(0, own.rfind('/') + 1) + "lib/libpyautograd_cuda.so";
}

Backend* open_library(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) {
    runtime_error("device 'cuda' is not available: this build has no cuda library; build with ",
                  "PYAUTOGRAD_CUDA=on on a machine with nvcc");
  }
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) runtime_error("device 'cuda' is not available: ", dlerror());
  const auto entry = reinterpret_cast<BackendEntry>(dlsym(handle, kBackendEntry));
  Backend* backend = entry ? entry(kBackendVersion) : nullptr;
  if (!backend) {
    runtime_error("device 'cuda' is not available: ", path,
                  " belongs to another version of pyautograd; build it again");
  }
  return backend;
}

}  // namespace

std::atomic<bool> backend_open{false};

void set_backend_library(std::string path) {
  Library& mine = library();
  const std::lock_guard lock(mine.mutex);
  if (mine.backend.load(std::memory_order_relaxed) && path != mine.path) {
    runtime_error("[set_backend_library] too late for ", path, ": a library of devices is open");
  }
  mine.path = std::move(path);
}

void set_package_search(std::vector<std::string> (*search)()) { library().search = search; }

Backend& backend() {
  Library& mine = library();
  if (Backend* open = mine.backend.load(std::memory_order_acquire)) return *open;
  // Before the lock: it may wait for Python.
  const auto search = mine.search.load();
  std::vector<std::string> folders = search ? search() : std::vector<std::string>();
  const std::lock_guard lock(mine.mutex);
  if (!mine.backend.load(std::memory_order_relaxed)) {
    Backend* opened = open_library(mine.path.empty() ? standard_path() : mine.path);
    opened->look_in(std::move(folders));
    mine.backend.store(opened, std::memory_order_release);
    backend_open.store(true, std::memory_order_relaxed);
  }
  return *mine.backend.load(std::memory_order_relaxed);
}

std::string name_of(Device device) {
  return device.kind == Device::Kind::CPU ? "cpu" : concat("cuda:", int{device.index});
}

Device parse_device(const std::string& name) {
  if (name == "cpu") return {};
  int index = 0;
  bool known = name == "cuda";
  if (name.starts_with("cuda:")) {
    const char *first = name.data() + 5, *last = name.data() + name.size();
    const auto [end, error] = std::from_chars(first, last, index);
    known = error == std::errc() && end == last && index >= 0;
  }
  if (!known) value_error("unknown device '", name, "': use 'cpu', 'cuda' or 'cuda:0'");
  const int count = backend().device_count();
  if (index >= count) {
    runtime_error("device '", name, "' does not exist: this machine has ", count,
                  count == 1 ? " cuda device" : " cuda devices");
  }
  return {Device::Kind::CUDA, static_cast<uint8_t>(index)};
}

NotOnHost::NotOnHost(Device device)
    : Error(Kind::Type,
            concat("the numbers are on ", name_of(device), ": move them with .to('cpu') first")) {}

void not_on_host(Device device) { throw NotOnHost(device); }

}  // namespace pyautograd
