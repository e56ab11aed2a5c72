# The kernels for CUDA devices: a library of its own beside the extension, opened when a device is first asked for
# (csrc/core/backend.h). It needs nothing of the toolkit at run time but the driver.
#
# CMAKE_CUDA_ARCHITECTURES chooses what it is compiled for. Unset, it is the device of this machine where there is
# one, and otherwise PTX for sm_80, which the driver compiles for newer devices when it loads it.
include(CheckLanguage)

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  if(EXISTS /dev/nvidiactl AND CMAKE_VERSION VERSION_GREATER_EQUAL 3.24)
    set(CMAKE_CUDA_ARCHITECTURES native)
  else()
    set(CMAKE_CUDA_ARCHITECTURES 80-virtual)
  endif()
endif()

# nvcc of CUDACXX or PATH, else that of the toolkit's usual place, else that of NVIDIA's packages beside this Python.
# pip's isolated builds take those out of sys.path, but sysconfig knows where they are.
set(lacking "")
function(find_packaged_nvcc)
  execute_process(COMMAND "${Python_EXECUTABLE}" -c "import sys, sysconfig
print(*filter(None, [*sys.path, *map(sysconfig.get_path, ('purelib', 'platlib'))]), sep=';')"
    OUTPUT_VARIABLE folders OUTPUT_STRIP_TRAILING_WHITESPACE)
  foreach(folder IN LISTS folders)
    set(root "${folder}/nvidia/cu13")
    if(EXISTS "${root}/bin/nvcc")
      foreach(part IN ITEMS nvvm/bin/cicc=nvvm include/crt/host_config.h=cuda-crt lib/libcudart_static.a=cuda-runtime
              include/cccl/cub/cub.cuh=cuda-cccl)
        string(REGEX MATCH "^(.*)=(.*)$" part "${part}")
        if(NOT EXISTS "${root}/${CMAKE_MATCH_1}")
          set(lacking " (${root} has no ${CMAKE_MATCH_1}: pip install nvidia-${CMAKE_MATCH_2})" PARENT_SCOPE)
          return()
        endif()
      endforeach()
      # None of these packages names the release of another: PyTorch keeps a runtime that is older than the newest nvcc.
      execute_process(COMMAND "${root}/bin/nvcc" --version OUTPUT_VARIABLE version ERROR_QUIET)
      string(REGEX REPLACE ".*release ([0-9]+\\.[0-9]+).*" "\\1" version "${version}")
      file(STRINGS "${root}/include/cuda_runtime_api.h" runtime REGEX "#define CUDART_VERSION +[0-9]+")
      string(REGEX REPLACE ".*CUDART_VERSION +([0-9]+).*" "\\1" runtime "${runtime}")
      math(EXPR minor "${runtime} % 1000 / 10")
      math(EXPR runtime "${runtime} / 1000")
      set(runtime "${runtime}.${minor}")
      if(NOT version VERSION_EQUAL runtime)
        set(lacking " (${root} has nvcc ${version} beside the runtime of ${runtime}: pip install nvidia-cuda-nvcc==${runtime}.* \
nvidia-nvvm==${runtime}.* nvidia-cuda-crt==${runtime}.*)" PARENT_SCOPE)
        return()
      endif()
      set(ENV{CUDACXX} "${root}/bin/nvcc")
      return()
    endif()
  endforeach()
endfunction()
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(PYAUTOGRAD_NVCC nvcc PATHS /usr/local/cuda/bin NO_CMAKE_SYSTEM_PATH)
  mark_as_advanced(PYAUTOGRAD_NVCC)
  if(PYAUTOGRAD_NVCC)
    set(ENV{CUDACXX} "${PYAUTOGRAD_NVCC}")
  else()
    find_packaged_nvcc()
  endif()
endif()
# The packages of CUDA 13.0 have their libraries in a folder that their nvcc does not look in.
set(nvcc "$ENV{CUDACXX}")
if(CMAKE_CUDA_COMPILER)
  set(nvcc "${CMAKE_CUDA_COMPILER}")
endif()
get_filename_component(cuda_libraries "${nvcc}/../../lib" ABSOLUTE)
if(NOT EXISTS "${cuda_libraries}/libcudart_static.a")
  set(cuda_libraries "")
elseif(DEFINED ENV{LIBRARY_PATH})
  set(ENV{LIBRARY_PATH} "${cuda_libraries}:$ENV{LIBRARY_PATH}")
else()
  set(ENV{LIBRARY_PATH} "${cuda_libraries}")
endif()
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(PYAUTOGRAD_CUDA STREQUAL "on")
    message(FATAL_ERROR "PYAUTOGRAD_CUDA is on, but there is no CUDA compiler: pip install nvidia-cuda-nvcc "
                        "nvidia-cuda-cccl, or set CUDACXX to nvcc${lacking}")
  endif()
  message(STATUS "No CUDA compiler: the package will run on the CPU only${lacking}")
  return()
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12)  # the first that reads C++20
  if(PYAUTOGRAD_CUDA STREQUAL "on")
    message(FATAL_ERROR "PYAUTOGRAD_CUDA is on, but nvcc is ${CMAKE_CUDA_COMPILER_VERSION}: CUDA 12 or newer is needed")
  endif()
  message(STATUS "nvcc ${CMAKE_CUDA_COMPILER_VERSION} is older than 12: the package will run on the CPU only")
  return()
endif()
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # a CMake that is older than nvcc
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()

# nvcc's own -O is for the code of the host, which only launches kernels here: half the size, half the time to build.
set(CMAKE_CUDA_FLAGS_RELEASE "-DNDEBUG -Xcompiler=-Os")
file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cuda/*.cu
     ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cuda/*.cpp)
add_library(pyautograd_cuda SHARED ${cuda_sources} csrc/core/dtype.cpp)
target_include_directories(pyautograd_cuda PRIVATE csrc)
target_compile_definitions(pyautograd_cuda PRIVATE PYAUTOGRAD_OPENED_LATER)
target_link_directories(pyautograd_cuda PRIVATE ${cuda_libraries})
string(REGEX MATCH "^[0-9]+" cuda_release ${CMAKE_CUDA_COMPILER_VERSION})
set_source_files_properties(csrc/kernels/cuda/library_search.cpp
                            PROPERTIES COMPILE_DEFINITIONS PYAUTOGRAD_CUDA_RELEASE=${cuda_release})
if(CMAKE_BUILD_TYPE STREQUAL "Release")  # runs once
  set_source_files_properties(csrc/kernels/cuda/functions.cpp csrc/kernels/cuda/library_search.cpp
                              PROPERTIES COMPILE_OPTIONS -Os)
endif()
# The host's random stream, bit for bit.
set_source_files_properties(csrc/kernels/cuda/random.cu PROPERTIES COMPILE_OPTIONS "-fmad=false")
set_target_properties(pyautograd_cuda PROPERTIES CUDA_VISIBILITY_PRESET hidden CUDA_RUNTIME_LIBRARY Static)
# Inline formulas of the standard library are used in kernels; those for every integer type compare some with zero.
target_compile_options(pyautograd_cuda PRIVATE
  "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;-diag-suppress=186;-Werror=cross-execution-space-call>")
# Smaller by a third. Older drivers cannot read it, but those of CUDA 13 can.
if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  target_compile_options(pyautograd_cuda PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:--compress-mode=size>")
endif()
# In a folder of its own: Python takes every .so in a package for a module.
install(TARGETS pyautograd_cuda LIBRARY DESTINATION pyautograd/lib)
