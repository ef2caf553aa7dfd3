# Finds EPICS Base's Channel Access client library and defines the imported target EPICS::ca.
#
# Looked for in this order, the first that has both headers and libraries wins:
#   1. a CMake package EPICSBase          4. Debian's epics-dev (/usr/include/epics)
#   2. pkg-config epics-base              5. /opt/epics/base, /usr/local/epics/base
#   3. $EPICS_BASE (+ $EPICS_HOST_ARCH)   6. the Python wheel epicscorelibs (E2K_PYTHON, else python3)
# E2K_EPICS_LIBRARY_DIR is set to the folder of libca, E2K_EPICS_FROM to which of them it was.

set(E2K_PYTHON "${CMAKE_SOURCE_DIR}/.cache/venv/bin/python3" CACHE FILEPATH "Python that has epicscorelibs")
set(E2K_EPICS_FROM "")

function(_e2k_epics_try from library_dir)  # further arguments: include folders
  if(E2K_EPICS_FROM)
    return()
  endif()
  find_library(_ca ca PATHS ${library_dir} NO_DEFAULT_PATH NO_CACHE)
  find_library(_com Com PATHS ${library_dir} NO_DEFAULT_PATH NO_CACHE)
  find_path(_cadef cadef.h PATHS ${ARGN} NO_DEFAULT_PATH NO_CACHE)
  find_path(_os osdSock.h PATHS ${ARGN} NO_DEFAULT_PATH NO_CACHE)
  if(_ca AND _com AND _cadef AND _os)
    add_library(EPICS::ca INTERFACE IMPORTED GLOBAL)
    target_include_directories(EPICS::ca INTERFACE ${ARGN})
    target_link_libraries(EPICS::ca INTERFACE ${_ca} ${_com})
    set(E2K_EPICS_FROM "${from}" PARENT_SCOPE)
    set(E2K_EPICS_LIBRARY_DIR "${library_dir}" PARENT_SCOPE)
  endif()
endfunction()

macro(_e2k_epics_base_tree from base)
  set(_arch "$ENV{EPICS_HOST_ARCH}")
  if(NOT _arch)
    set(_arch linux-x86_64)
    if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
      set(_arch linux-aarch64)
    endif()
  endif()
  _e2k_epics_try("${from}" "${base}/lib/${_arch}" "${base}/include" "${base}/include/os/Linux"
                 "${base}/include/compiler/gcc" "${base}/include/compiler/clang")
endmacro()

find_package(EPICSBase QUIET CONFIG)
if(TARGET EPICSBase::ca)
  add_library(EPICS::ca INTERFACE IMPORTED GLOBAL)
  target_link_libraries(EPICS::ca INTERFACE EPICSBase::ca)
  set(E2K_EPICS_FROM "the CMake package EPICSBase")
endif()
if(NOT E2K_EPICS_FROM)
  pkg_check_modules(_epics QUIET epics-base)
  if(_epics_FOUND)
    # Its Libs holds only -L: the library names are ours to add.
    _e2k_epics_try("pkg-config epics-base" "${_epics_LIBRARY_DIRS}" ${_epics_INCLUDE_DIRS})
  endif()
endif()
if(DEFINED ENV{EPICS_BASE})
  _e2k_epics_base_tree("EPICS_BASE" "$ENV{EPICS_BASE}")
endif()
_e2k_epics_try("Debian's epics-dev" "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}" /usr/include/epics
               /usr/include/epics/os/Linux /usr/include/epics/compiler/gcc)
_e2k_epics_base_tree("/opt/epics/base" /opt/epics/base)
_e2k_epics_base_tree("/usr/local/epics/base" /usr/local/epics/base)
if(NOT E2K_EPICS_FROM)
  foreach(_python IN ITEMS "${E2K_PYTHON}" python3)
    execute_process(COMMAND "${_python}" -c
        "import epicscorelibs as e, os; print(os.path.dirname(e.__file__), end='')"
        OUTPUT_VARIABLE _wheel ERROR_QUIET RESULT_VARIABLE _status)
    if(_status EQUAL 0 AND NOT E2K_EPICS_FROM)
      _e2k_epics_try("the wheel epicscorelibs" "${_wheel}/lib" "${_wheel}/include")
    endif()
  endforeach()
endif()
if(NOT E2K_EPICS_FROM)
  message(FATAL_ERROR "EPICS Base (libca and its headers) was not found. Run packaging/build, which installs it, "
                      "or set EPICS_BASE to a built EPICS Base.")
endif()
message(STATUS "EPICS Base: ${E2K_EPICS_FROM} (${E2K_EPICS_LIBRARY_DIR})")
