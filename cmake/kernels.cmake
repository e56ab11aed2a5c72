# The CPU kernels. The loops under cpu/isa are compiled once for each instruction set and chosen at load; the
# rest once, for the oldest processor of the family.
include(CheckCXXSourceCompiles)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(PYAUTOGRAD_ISAS "v2;v3;v4" CACHE STRING "x86-64 levels to compile the loops for")
  set(baseline_flags -march=x86-64-v2)
else()
  set(PYAUTOGRAD_ISAS portable)
  set(baseline_flags "")
endif()

# Vector versions of the C library's functions: some since glibc 2.22, the rest since 2.35.
function(pyautograd_find_vector_math symbol version)
  string(MAKE_C_IDENTIFIER "PYAUTOGRAD_HAS_${symbol}" variable)
  set(CMAKE_REQUIRED_LIBRARIES m)
  check_cxx_source_compiles("extern \"C\" void ${symbol}(); int main() { ${symbol}(); }" ${variable})
  if(${variable})
    set(vector_math ${version} PARENT_SCOPE)
  endif()
endfunction()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  pyautograd_find_vector_math(_ZGVbN2v_exp 222)
  pyautograd_find_vector_math(_ZGVbN2v_tanh 235)
endif()

set(math_flags -fno-math-errno -fno-trapping-math)
# Nothing is thrown through the loops.
set(loop_flags -O3 ${math_flags} -Wno-psabi -fno-exceptions -fno-asynchronous-unwind-tables)
file(GLOB loop_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cpu/isa/*.cpp)
file(GLOB kernel_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/*.cpp
     ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cpu/*.cpp)
# GCC 13 and later would fuse in some loops only, so that sizes differ in their bits.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT PYAUTOGRAD_ISAS STREQUAL "portable")
  set(fused_flags --param=avoid-fma-max-bits=0)
endif()
set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cpu/isa/gemm.cpp
                            ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cpu/isa/convolve.cpp
                            ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cpu/isa/fft.cpp
                            PROPERTIES COMPILE_OPTIONS "-ffp-contract=fast;${fused_flags}")
# Loops that are vectorised as they stand: half the size without all that -O3 unrolls.
set(plain_flags -O2)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND plain_flags -ftree-loop-vectorize -ftree-slp-vectorize -fvect-cost-model=dynamic -funswitch-loops)
endif()
foreach(name IN ITEMS common_loops copy index isa/binary isa/convert isa/divide isa/extrema isa/joined isa/unary)
  set_property(SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cpu/${name}.cpp
               APPEND PROPERTY COMPILE_OPTIONS ${plain_flags})
endforeach()
# A sine and a cosine of one number would be called as one function, which has no vector version.
set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cpu/isa/special.cpp
                            ${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/cpu/isa/complex.cpp
                            PROPERTIES COMPILE_OPTIONS "-ffp-contract=fast;-fno-builtin-cos")

add_library(pyautograd_kernels STATIC ${kernel_sources})
target_include_directories(pyautograd_kernels PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/csrc)
target_compile_options(pyautograd_kernels PRIVATE ${baseline_flags} -O3 ${math_flags})
find_package(Threads REQUIRED)
target_link_libraries(pyautograd_kernels PUBLIC Threads::Threads ${CMAKE_DL_LIBS} m)
target_link_libraries(pyautograd_kernels INTERFACE pyautograd)  # for core: archives may refer to each other

foreach(isa IN LISTS PYAUTOGRAD_ISAS)
  set(loops pyautograd_loops_${isa})
  add_library(${loops} OBJECT ${loop_sources})
  target_include_directories(${loops} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/csrc)
  target_compile_definitions(${loops} PRIVATE PYAUTOGRAD_ISA=${isa})
  target_compile_options(${loops} PRIVATE ${loop_flags})
  if(NOT isa STREQUAL "portable")
    target_compile_options(${loops} PRIVATE -march=x86-64-${isa})
  endif()
  if(isa STREQUAL "v4")
    target_compile_options(${loops} PRIVATE -mprefer-vector-width=512)
  endif()
  if(vector_math)
    target_compile_definitions(${loops} PRIVATE PYAUTOGRAD_VECTOR_MATH=${vector_math})
  endif()
  target_sources(pyautograd_kernels PRIVATE $<TARGET_OBJECTS:${loops}>)
  target_compile_definitions(pyautograd_kernels PRIVATE PYAUTOGRAD_WITH_${isa})
endforeach()
