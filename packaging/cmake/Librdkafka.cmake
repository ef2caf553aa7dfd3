# Finds librdkafka 2.8 or later and defines the imported target E2K::rdkafka.
#
# Looked for in this order, the first that is there wins:
#   1. E2K_LIBRDKAFKA, a prefix (include/librdkafka, lib)
#   2. the one that packaging/build made in its cache ($E2K_CACHE, else .cache beside the sources)
#   3. pkg-config rdkafka
# Programs of the build tree find it by their RPATH.

set(E2K_LIBRDKAFKA "" CACHE PATH "Prefix of librdkafka (empty: packaging/build's, else the system's)")
set(_minimum 2.8)

# The name of the folder that packaging/build gives it.
file(STRINGS "${CMAKE_SOURCE_DIR}/packaging/deps/librdkafka" _lines REGEX "^version ")
string(REGEX REPLACE "^version +" "" _version "${_lines}")
file(SHA256 "${CMAKE_SOURCE_DIR}/packaging/deps/librdkafka" _key)
string(SUBSTRING "${_key}" 0 12 _key)
set(_cache "$ENV{E2K_CACHE}")
if(NOT _cache)
  # The Python that packaging/build made lies in the same cache.
  get_filename_component(_cache "${E2K_PYTHON}" DIRECTORY)
  get_filename_component(_cache "${_cache}/../.." ABSOLUTE)
endif()
foreach(_prefix IN ITEMS "${E2K_LIBRDKAFKA}" "${_cache}/librdkafka/${_version}-${_key}"
        "${CMAKE_SOURCE_DIR}/.cache/librdkafka/${_version}-${_key}")
  if(NOT _prefix OR TARGET E2K::rdkafka)
    continue()
  endif()
  find_library(_rdkafka rdkafka PATHS "${_prefix}/lib" "${_prefix}/lib64" NO_DEFAULT_PATH NO_CACHE)
  find_path(_rdkafka_include librdkafka/rdkafka.h PATHS "${_prefix}/include" NO_DEFAULT_PATH NO_CACHE)
  if(_rdkafka AND _rdkafka_include)
    add_library(E2K::rdkafka SHARED IMPORTED GLOBAL)
    set_target_properties(E2K::rdkafka PROPERTIES IMPORTED_LOCATION "${_rdkafka}"
                          INTERFACE_INCLUDE_DIRECTORIES "${_rdkafka_include}")
    set(E2K_RDKAFKA_LIBRARY "${_rdkafka}")
    message(STATUS "librdkafka: ${_rdkafka}")
  elseif("${_prefix}" STREQUAL "${E2K_LIBRDKAFKA}")
    message(FATAL_ERROR "E2K_LIBRDKAFKA=${_prefix} holds no include/librdkafka/rdkafka.h and lib/librdkafka.so")
  endif()
  unset(_rdkafka)
  unset(_rdkafka_include)
endforeach()
if(NOT TARGET E2K::rdkafka)
  pkg_check_modules(RDKAFKA QUIET IMPORTED_TARGET GLOBAL "rdkafka>=${_minimum}")
  if(NOT RDKAFKA_FOUND)
    message(FATAL_ERROR "librdkafka ${_minimum} or later was not found. Run packaging/build, which builds it, "
                        "or set E2K_LIBRDKAFKA to its prefix.")
  endif()
  add_library(E2K::rdkafka ALIAS PkgConfig::RDKAFKA)
  message(STATUS "librdkafka: the system's ${RDKAFKA_VERSION}")
endif()
