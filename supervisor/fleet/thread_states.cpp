#include "supervisor/fleet/thread_states.h"

#include <filesystem>
#include <fstream>
#include <string>

namespace e2k::supervisor {
namespace {

// The letter behind the name, which stands in parentheses and may hold any character.
char state_of(const std::string& stat) {
  const size_t end = stat.rfind(')');
  return end == std::string::npos || end + 2 >= stat.size() ? '?' : stat[end + 2];
}

std::string name_of(const std::string& stat) {
  const size_t begin = stat.find('('), end = stat.rfind(')');
  if (begin == std::string::npos || end == std::string::npos || end <= begin) return "";
  return stat.substr(begin + 1, end - begin - 1);
}

}  // namespace

bool waits_for_disk(pid_t pid) {
  if (pid <= 0) return false;
  const std::string process = std::to_string(pid);
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + process + "/task", error)) {
    std::ifstream in(thread.path() / "stat");
    std::string stat;
    if (!std::getline(in, stat) || state_of(stat) != 'D') continue;
    if (thread.path().filename() == process || name_of(stat) == "publish") return true;
  }
  return false;
}

}  // namespace e2k::supervisor
