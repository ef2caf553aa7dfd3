# What is installed, and where: `cmake --install build/release` with DESTDIR or --prefix makes the tree that the packages hold.
#
#   runtime  programs, scripts, libraries that the system lacks, configuration, units, manual pages, completions
#   dev      the header for plug-ins and an example
#   doc      what operators read, licences
#
# The programs find the libraries beside them, relative to where they lie, so the tree may be moved.

set(E2K_PRIVATE_DIR lib/epics2kafka)  # below the prefix: the worker and the libraries that the system lacks
set(E2K_UNIT_DIR lib/systemd/system CACHE STRING "Where systemd's units are installed")
set(E2K_PRESET_DIR lib/systemd/system-preset CACHE STRING "Where systemd's presets are installed")
set(E2K_SYSUSERS_DIR lib/sysusers.d CACHE STRING "Where users are declared to systemd")
set(_packaging ${CMAKE_SOURCE_DIR}/packaging)

# A library is the system's where the loader finds it by itself.
function(_e2k_is_the_systems library result)
  get_filename_component(_folder "${library}" DIRECTORY)
  set(_system OFF)
  if(_folder MATCHES "^/(usr/)?lib(64)?(/${CMAKE_LIBRARY_ARCHITECTURE})?$")
    set(_system ON)
  endif()
  set(${result} ${_system} PARENT_SCOPE)
endfunction()

# e2k_bring(LIBRARY): installs it under the name that programs ask the loader for.
function(e2k_bring library)
  _e2k_is_the_systems("${library}" _system)
  if(_system OR NOT EXISTS "${library}")
    return()
  endif()
  execute_process(COMMAND ${CMAKE_OBJDUMP} -p "${library}" OUTPUT_VARIABLE _headers ERROR_QUIET)
  if(NOT _headers MATCHES "SONAME +([^ \n]+)")
    message(FATAL_ERROR "${library} tells no SONAME")
  endif()
  set(_name "${CMAKE_MATCH_1}")
  get_filename_component(_file "${library}" REALPATH)
  install(PROGRAMS "${_file}" DESTINATION ${E2K_PRIVATE_DIR} RENAME "${_name}" COMPONENT runtime)
  if(_headers MATCHES "R(UN)?PATH")
    # Those of the wheel name their folder in a way that linkers read and people do not.
    install(CODE "file(RPATH_SET FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${E2K_PRIVATE_DIR}/${_name}\" NEW_RPATH \"\\\$ORIGIN\")"
            COMPONENT runtime)
  endif()
  set_property(GLOBAL APPEND PROPERTY E2K_BROUGHT "${_name}")
endfunction()

if(E2K_EPICS_LIBRARY_DIR)
  foreach(_name IN ITEMS ca Com)
    find_library(_library ${_name} PATHS ${E2K_EPICS_LIBRARY_DIR} NO_DEFAULT_PATH NO_CACHE)
    e2k_bring("${_library}")
    unset(_library)
  endforeach()
  _e2k_is_the_systems("${E2K_EPICS_LIBRARY_DIR}/libca.so" _system)
  # Of a built EPICS Base, or of the wheel.
  file(GLOB _licence ${E2K_EPICS_LIBRARY_DIR}/../../LICENSE
       ${E2K_EPICS_LIBRARY_DIR}/../../epicscorelibs-*.dist-info/licenses/LICENSE)
  if(_licence AND NOT _system)
    install(FILES ${_licence} DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE-epics-base.txt COMPONENT doc)
  endif()
endif()
if(E2K_RDKAFKA_LIBRARY)
  e2k_bring("${E2K_RDKAFKA_LIBRARY}")
  # What its licence asks for.
  get_filename_component(_prefix "${E2K_RDKAFKA_LIBRARY}" DIRECTORY)
  install(FILES "${_prefix}/../LICENSES.txt" DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSES-librdkafka.txt
          COMPONENT doc OPTIONAL)
endif()
get_property(_brought GLOBAL PROPERTY E2K_BROUGHT)
if(_brought)
  message(STATUS "brought along: ${_brought}")
  set_target_properties(epics2kafka-supervisor epics2kafkactl PROPERTIES
                        INSTALL_RPATH "$ORIGIN/../${E2K_PRIVATE_DIR}")
  set_target_properties(epics2kafka-worker PROPERTIES INSTALL_RPATH "$ORIGIN")
endif()

install(TARGETS epics2kafka-supervisor epics2kafkactl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(TARGETS epics2kafka-worker RUNTIME DESTINATION ${E2K_PRIVATE_DIR} COMPONENT runtime)

file(GLOB _scripts CONFIGURE_DEPENDS ${_packaging}/*.sh)
list(REMOVE_ITEM _scripts ${_packaging}/client.sh)
install(PROGRAMS ${_scripts} DESTINATION ${CMAKE_INSTALL_DATADIR}/epics2kafka/scripts COMPONENT runtime)
install(FILES ${_packaging}/client.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/epics2kafka/scripts COMPONENT runtime)
install(FILES ${_packaging}/epics2kafka.toml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/epics2kafka COMPONENT runtime)

install(FILES ${_packaging}/dashboards/alerts.yaml ${_packaging}/dashboards/epics2kafka.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/epics2kafka/dashboards COMPONENT runtime)

# The client writes them itself.
if(NOT E2K_SANITIZE AND NOT E2K_FUZZ AND NOT CMAKE_CROSSCOMPILING)
  set(_completions)
  foreach(_shell_place IN ITEMS bash:bash-completion/completions/epics2kafkactl zsh:zsh/vendor-completions/_epics2kafkactl
          fish:fish/vendor_completions.d/epics2kafkactl.fish)
    string(REGEX REPLACE "^([a-z]+):(.*)/([^/]+)$" "\\1;\\2;\\3" _parts "${_shell_place}")
    list(GET _parts 0 _shell)
    list(GET _parts 1 _folder)
    list(GET _parts 2 _name)
    set(_file ${CMAKE_BINARY_DIR}/completions/${_shell}/${_name})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/completions/${_shell})
    add_custom_command(OUTPUT ${_file} COMMAND epics2kafkactl completions ${_shell} > ${_file} DEPENDS epics2kafkactl VERBATIM)
    list(APPEND _completions ${_file})
    install(FILES ${_file} DESTINATION ${CMAKE_INSTALL_DATADIR}/${_folder} COMPONENT runtime)
  endforeach()
  add_custom_target(e2k_completions ALL DEPENDS ${_completions})
endif()

install(FILES ${CMAKE_SOURCE_DIR}/systemd/epics2kafka.service ${CMAKE_SOURCE_DIR}/systemd/epics2kafka@.service
        DESTINATION ${E2K_UNIT_DIR} COMPONENT runtime)
install(FILES ${CMAKE_SOURCE_DIR}/systemd/epics2kafka.preset DESTINATION ${E2K_PRESET_DIR}
        RENAME 90-epics2kafka.preset COMPONENT runtime)
install(FILES ${CMAKE_SOURCE_DIR}/systemd/epics2kafka.sysusers DESTINATION ${E2K_SYSUSERS_DIR}
        RENAME epics2kafka.conf COMPONENT runtime)

file(GLOB _documents CONFIGURE_DEPENDS ${_packaging}/docs/*.md)
install(FILES ${_documents} ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${CMAKE_SOURCE_DIR}/LICENSE
        DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT doc)
file(GLOB _faults CONFIGURE_DEPENDS ${_packaging}/docs/operations/*.md)
install(FILES ${_faults} DESTINATION ${CMAKE_INSTALL_DOCDIR}/operations COMPONENT doc)

install(FILES ${CMAKE_SOURCE_DIR}/worker/plugin/epics2kafka/converter.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/epics2kafka COMPONENT dev)
install(DIRECTORY ${_packaging}/examples/influx DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/epics2kafka-dev/examples
        COMPONENT dev)
