// Pure. The web page's files, held in the program: page/ as it stood when that was built.
#pragma once

#include <optional>
#include <string_view>

namespace e2k::supervisor {

struct PageFile {
  std::string_view name;  // "index.html" is the page itself
  std::string_view content_type;
  std::string_view body;
};

// Nothing where the page has no such file.
std::optional<PageFile> page_file(std::string_view name);

}  // namespace e2k::supervisor
