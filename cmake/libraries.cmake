# SPDX-License-Identifier: Apache-2.0
# Libraries of others, all from Debian's packages (scripts/install-packages).
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(lz4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(isal REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
# Its -pthread would set its users apart from the precompiled header; Threads::Threads is linked anyway.
set_property(TARGET PkgConfig::re2 PROPERTY INTERFACE_COMPILE_OPTIONS "")
find_package(Snappy REQUIRED)
add_library(PkgConfig::snappy ALIAS Snappy::snappy)
