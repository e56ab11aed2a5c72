#include "kernels/cuda/library_search.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <mutex>

#include "core/error.h"

namespace pyautograd::kernels::cuda {

namespace {

constexpr int kOldest = 12, kNewest = 13;  // releases of CUDA
#ifdef PYAUTOGRAD_CUDA_RELEASE
constexpr int kOwn = PYAUTOGRAD_CUDA_RELEASE;  // that this is built with
#else
constexpr int kOwn = kNewest;
#endif

struct Description {
  const char* name;
  const char* stem;
  const char* package;         // in lower case
  int in_12, in_13;            // its version
  const char* suffix_13 = "";  // of the package for CUDA 13
};
constexpr Description kDescriptions[] = {{"cuBLAS", "cublas", "cublas", 12, 13},
                                         {"cuSOLVER", "cusolver", "cusolver", 11, 12},
                                         {"cuFFT", "cufft", "cufft", 11, 12},
                                         {"cuDNN", "cudnn", "cudnn", 9, 9, "-cu13"}};
// What they load themselves, in an order in which each finds those that it needs.
constexpr Description kNeeded[] = {{"", "nvJitLink", "nvjitlink", 12, 13},
                                   {"", "cublasLt", "cublas", 12, 13},
                                   kDescriptions[0],
                                   {"", "cusparse", "cusparse", 12, 12}};

const Description& description_of(Library library) {
  return kDescriptions[static_cast<size_t>(library)];
}

std::string file_of(const Description& library, int release) {
  return concat("lib", library.stem, ".so.", release == 12 ? library.in_12 : library.in_13);
}

void* loaded(const std::string& file) { return dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD); }

// That of cuBLAS in this process first: libcusparse.so.12, which cuSOLVER loads, is a different
// library in CUDA 12 and 13.
std::array<int, 2> releases() {
  int first = kOwn == kOldest ? kOldest : kNewest;
  for (int release : {kOldest, kNewest})
    if (loaded(file_of(kDescriptions[0], release))) first = release;
  return {first, kOldest + kNewest - first};
}

std::vector<std::string> package_folders(const Description& library, int release) {
  return {concat("nvidia/cu", release, "/lib/"), concat("nvidia/", library.package, "/lib/")};
}

std::vector<std::string> toolkit_folders() {
  std::vector<std::string> out;
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const char* value = std::getenv(variable); value && *value)
      out.push_back(concat(value, "/lib64/"));
  out.emplace_back("/usr/local/cuda/lib64/");
  return out;
}

struct Folders {
  std::mutex mutex;
  std::vector<std::string> paths;
};
Folders& python_folders() {
  static Folders* instance = new Folders;
  return *instance;
}

std::string path_of(void* handle) {
  const link_map* map = nullptr;
  return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map ? map->l_name : "";
}

// One search: remembers files that are there and cannot be opened.
class Search {
 public:
  explicit Search(const Description& library) : library_(library) {
    Folders& known = python_folders();
    const std::lock_guard lock(known.mutex);
    python_ = known.paths;
  }

  FoundLibrary run() {
    const auto order = releases();
    for (int release : order)
      if (void* handle = loaded(file_of(library_, release))) return {handle, path_of(handle)};
    for (int release : order)
      if (void* handle = open(release)) return {handle, path_of(handle)};
    return {nullptr, complaint(order)};
  }

 private:
  void* open(int release) {
    const std::string file = file_of(library_, release);
    if (void* handle = open_package(library_, release)) return handle;
    // It may lie in another folder than what it needs.
    if (!broken_.empty()) {
      const std::string first_complaint = broken_;
      for (const Description& needed : kNeeded) open_package(needed, release);
      broken_ = first_complaint;
      if (void* handle = open_package(library_, release)) return handle;
      broken_ = first_complaint;
    }
    if (void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
    for (const std::string& folder : toolkit_folders())
      if (void* handle = open_file(folder + file)) return handle;
    return nullptr;
  }
  void* open_package(const Description& library, int release) {
    const std::string file = file_of(library, release);
    for (const std::string& folder : python_)
      for (const std::string& package : package_folders(library, release))
        if (void* handle = open_file(concat(folder, "/", package, file))) return handle;
    return nullptr;
  }
  void* open_file(const std::string& path) {
    if (access(path.c_str(), F_OK) != 0) return nullptr;
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) broken_ += concat("; ", dlerror());
    return handle;
  }
  std::string complaint(const std::array<int, 2>& order) const {
    const auto packages = package_folders(library_, order[0]);
    const std::string file = file_of(library_, order[0]), other = file_of(library_, order[1]);
    std::string out = file;
    if (other != file) out += concat(" (or ", other, " of CUDA ", order[1], ")");
    out += concat(" is not in ", packages[0], " or ", packages[1],
                  " of a folder of sys.path, not found by the loader");
    for (const std::string& folder : toolkit_folders()) out += concat(", not in ", folder);
    return out + broken_;
  }

  const Description& library_;
  std::vector<std::string> python_;
  std::string broken_;
};

}  // namespace

const char* name_of(Library library) { return description_of(library).name; }
std::string package_of(Library library) {
  const Description& known = description_of(library);
  return concat("nvidia-", known.package, kOwn == 12 ? "-cu12" : known.suffix_13);
}

const FoundLibrary& find_library(Library library) {
  static std::mutex mutex;
  static std::array<FoundLibrary*, std::size(kLibraries)> found{};
  const std::lock_guard lock(mutex);
  FoundLibrary*& mine = found[static_cast<size_t>(library)];
  if (!mine) mine = new FoundLibrary(Search(description_of(library)).run());
  return *mine;
}

void set_library_folders(std::vector<std::string> folders) {
  Folders& known = python_folders();
  const std::lock_guard lock(known.mutex);
  known.paths = std::move(folders);
}

}  // namespace pyautograd::kernels::cuda
