// Pure. The directories that a running service writes to: what is said of those that it can't write to, "" of
// one that it can.
#pragma once

#include <string>

namespace e2k::supervisor {

struct DirectoryFacts {
  std::string path;
  int error_number = 0;  // what a write would meet; 0: nothing
};

std::string state_directory_text(const DirectoryFacts& facts);
std::string spool_directory_text(const DirectoryFacts& facts);    // SPOOL_DIRECTORY
std::string runtime_directory_text(const DirectoryFacts& facts);  // RUNTIME_DIRECTORY

}  // namespace e2k::supervisor
