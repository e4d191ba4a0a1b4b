# SPDX-License-Identifier: Apache-2.0
# The compiler, its flags for each build type, ccache and the linker.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "Cairn is built with clang 19 or newer; found ${CMAKE_CXX_COMPILER_ID} "
    "${CMAKE_CXX_COMPILER_VERSION}. g++ 12 destroys temporaries in co_await expressions twice. "
    "Use: cmake --preset dev (Debian packages: clang-19 lld-19).")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

add_compile_options(-Wall -Wextra -Werror -fno-omit-frame-pointer
  "SHELL:-Xclang -fno-pch-timestamp")
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_DISABLE_BOOST_COROUTINE SPDLOG_FMT_EXTERNAL)
# Coroutine frames come from Asio's cache of two blocks, and from aligned_alloc behind it, which is slow.
# A request has about ten frames alive at once. The sanitizers are better off without a cache.
add_compile_definitions($<$<CONFIG:Release>:BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16>
  $<$<CONFIG:Release>:BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC>)
if(CAIRN_MUTANTS)
  add_compile_definitions(CAIRN_MUTANTS)
endif()
add_link_options(-fuse-ld=lld-19)

set(CMAKE_CXX_FLAGS_DEV "-O1 -gline-tables-only -fsanitize=address,undefined -fno-sanitize-recover=all")
set(CMAKE_EXE_LINKER_FLAGS_DEV "-fsanitize=address,undefined")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -gline-tables-only -march=x86-64-v2 -mtune=generic")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -gline-tables-only")
endif()
if(NOT CMAKE_BUILD_TYPE)
  message(FATAL_ERROR "Choose a preset: cmake --preset dev, or cmake --preset release")
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()
