# The compiled CUDA library on a machine of ours: the objects that nvcc makes, linked with a runtime that interprets
# their PTX on the host (docs/cuda.md). Included from the top, so that what holds for the shipped library's sources
# holds here.
if(NOT TARGET pyautograd_cuda)
  message(FATAL_ERROR "PYAUTOGRAD_PTX_TESTS needs the CUDA library: a CUDA compiler and not PYAUTOGRAD_CUDA=off")
endif()

# As shipped, but as one PTX text for each file that can be read without a tool. The stand-ins of cuBLAS, cuSOLVER and cuDNN
# bring the SharedLibrary that finds them.
get_target_property(ptx_sources pyautograd_cuda SOURCES)
list(FILTER ptx_sources EXCLUDE REGEX "/shared_library.cu$")
get_target_property(ptx_options pyautograd_cuda COMPILE_OPTIONS)
list(FILTER ptx_options EXCLUDE REGEX "compress-mode")
add_library(pyautograd_cuda_code OBJECT ${ptx_sources})
target_include_directories(pyautograd_cuda_code PRIVATE csrc)
target_compile_options(pyautograd_cuda_code PRIVATE ${ptx_options} "$<$<COMPILE_LANGUAGE:CUDA>:--no-compress>")
set_target_properties(pyautograd_cuda_code PROPERTIES CUDA_VISIBILITY_PRESET hidden CUDA_ARCHITECTURES 80-virtual)

# The machine: what the tests of itself and the library share.
set(ptx_folder ${CMAKE_CURRENT_LIST_DIR})
file(GLOB ptx_machine CONFIGURE_DEPENDS ${ptx_folder}/*.cpp)
list(FILTER ptx_machine EXCLUDE REGEX "/(hooks|test_[^/]*).cpp$")
set(cuda ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cuda)
add_library(pyautograd_ptx_machine OBJECT ${ptx_machine} ${cuda}/emulated/streams.cpp)
target_include_directories(pyautograd_ptx_machine PUBLIC ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES} csrc)

add_library(pyautograd_ptx_hooks OBJECT ${ptx_folder}/hooks.cpp ${cuda}/emulated/solvers.cpp ${cuda}/emulated/cudnn.cpp
            csrc/kernels/cpu/lapack.cpp csrc/kernels/cpu/blas.cpp)
target_include_directories(pyautograd_ptx_hooks PRIVATE csrc)
target_compile_definitions(pyautograd_ptx_hooks PRIVATE PYAUTOGRAD_CUDA_EMULATION)

add_library(pyautograd_cuda_ptx SHARED $<TARGET_OBJECTS:pyautograd_cuda_code> $<TARGET_OBJECTS:pyautograd_ptx_machine>
            $<TARGET_OBJECTS:pyautograd_ptx_hooks>)
target_link_libraries(pyautograd_cuda_ptx PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(pyautograd_cuda_ptx PROPERTIES LINKER_LANGUAGE CXX CUDA_RUNTIME_LIBRARY None)
# What is asked of the library's allocator comes past the machine.
foreach(function 8allocateEimiPNS1_7CaptureE 4freeEPvmi)
  target_link_options(pyautograd_cuda_ptx PRIVATE
    "LINKER:--wrap=_ZN10pyautograd7kernels4cuda16CachingAllocator${function}")
endforeach()

find_package(GTest REQUIRED)
include(GoogleTest)
enable_testing()
add_executable(pyautograd_ptx_tests ${ptx_folder}/test_machine.cpp $<TARGET_OBJECTS:pyautograd_ptx_machine>)
target_link_libraries(pyautograd_ptx_tests PRIVATE GTest::gtest GTest::gtest_main Threads::Threads)
add_dependencies(pyautograd_ptx_tests pyautograd_cuda_ptx)  # which the Python tests need
gtest_discover_tests(pyautograd_ptx_tests DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300)
