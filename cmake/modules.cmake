# SPDX-License-Identifier: Apache-2.0
# cairn_module(NAME [ASIO] LINK ...)  library cairn_NAME of src/NAME/*.cpp, with its unit tests
# cairn_program(NAME SOURCE LINK ...) a program

# Two precompiled headers: one for the pure modules, one for those above Asio.
file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "")
add_library(cairn_pch_pure OBJECT ${CMAKE_BINARY_DIR}/pch.cpp)
target_include_directories(cairn_pch_pure PUBLIC ${CMAKE_SOURCE_DIR}/include)
target_precompile_headers(cairn_pch_pure PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch_pure.hpp)
add_library(cairn_pch_asio OBJECT ${CMAKE_BINARY_DIR}/pch.cpp)
target_include_directories(cairn_pch_asio PUBLIC ${CMAKE_SOURCE_DIR}/include)
target_precompile_headers(cairn_pch_asio PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch_asio.hpp)

# Modules that read what strangers send: built so that libFuzzer sees which branches it reached.
set(CAIRN_FUZZED protocol record log config)

function(cairn_module path)
  cmake_parse_arguments(arg "ASIO" "" "LINK" ${ARGN})
  string(REPLACE "/" "_" name cairn_${path})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${path}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(path STREQUAL "broker")
    file(GLOB handlers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/broker/handlers/*.cpp)
    list(APPEND sources ${handlers})
  endif()
  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/include
      PRIVATE ${CMAKE_SOURCE_DIR}/src/${path})
    target_link_libraries(${name} PUBLIC ${arg_LINK})
    cairn_precompile(${name} ${arg_ASIO})
    cairn_unite(${name} 8)
    if(CAIRN_TESTS AND CMAKE_BUILD_TYPE STREQUAL "Dev" AND path IN_LIST CAIRN_FUZZED)
      target_compile_options(${name} PRIVATE
        -fsanitize-coverage=inline-8bit-counters,pc-table,trace-cmp)
    endif()
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(${name} INTERFACE ${arg_LINK})
  endif()
  set_property(GLOBAL APPEND PROPERTY CAIRN_MODULES ${path})
  set_property(GLOBAL PROPERTY CAIRN_ASIO_${path} ${arg_ASIO})
endfunction()

function(cairn_precompile target asio)
  if(asio)
    target_precompile_headers(${target} REUSE_FROM cairn_pch_asio)
    target_link_libraries(${target} PUBLIC Boost::headers Threads::Threads)
  else()
    target_precompile_headers(${target} REUSE_FROM cairn_pch_pure)
  endif()
endfunction()

# Compiles BATCH files of the target at once: names of unnamed namespaces must differ within a module.
function(cairn_unite target batch)
  if(CAIRN_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${batch})
  endif()
endfunction()

function(cairn_program name source)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  if(EXISTS ${CMAKE_SOURCE_DIR}/${source})
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${arg_LINK})
    cairn_precompile(${name} ON)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  endif()
endfunction()
