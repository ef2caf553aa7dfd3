# Builds the example as a site does: the header installed into a prefix of its own, the sources copied away from this
# repository. Variables: build, source, folder, generator, compiler.
file(REMOVE_RECURSE ${folder})
file(COPY ${source}/ DESTINATION ${folder}/source)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed (${status}): ${command}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${build} --component dev --prefix ${folder}/prefix)
file(GLOB_RECURSE installed RELATIVE ${folder}/prefix ${folder}/prefix/include/*)
if(NOT installed STREQUAL "include/epics2kafka/converter.h")
  message(FATAL_ERROR "the component dev installs '${installed}', not the header alone")
endif()
run(${CMAKE_COMMAND} -S ${folder}/source -B ${folder}/build -G ${generator} -DCMAKE_CXX_COMPILER=${compiler}
    -DCMAKE_PREFIX_PATH=${folder}/prefix -DCMAKE_CXX_FLAGS=-Werror)
run(${CMAKE_COMMAND} --build ${folder}/build)
