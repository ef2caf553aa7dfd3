# cmake -D OUT=page_files.cpp -P embed.cmake: the page's files as C++.
set(_type_html html)
set(_type_css css)
set(_type_js javascript)
set(_rows "")
foreach(_name IN ITEMS index.html page.css page.js)
  file(READ ${CMAKE_CURRENT_LIST_DIR}/${_name} _text)
  string(REGEX REPLACE ".*\\.(.*)" "\\1" _kind ${_name})
  string(APPEND _rows "    {\"${_name}\", \"text/${_type_${_kind}}; charset=utf-8\", R\"e2k(${_text})e2k\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"supervisor/control/page_files.h\"

namespace e2k::supervisor {
namespace {

constexpr PageFile kFiles[] = {
${_rows}};

}  // namespace

std::optional<PageFile> page_file(std::string_view name) {
  for (const PageFile& file : kFiles)
    if (file.name == name) return file;
  return std::nullopt;
}

}  // namespace e2k::supervisor
")
