#include "common/process_use.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "common/fd.h"

namespace e2k {

std::optional<ProcessUse> parse_proc_stat(std::string_view text, long ticks_per_second, long page_bytes) {
  // The name in brackets is the second field; what follows its last bracket begins with the third.
  const size_t bracket = text.rfind(')');
  if (bracket == std::string_view::npos) return std::nullopt;
  text.remove_prefix(bracket + 1);
  ProcessUse use;
  uint64_t ticks = 0;
  int field = 2;
  while (field < 24) {
    const size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    ++field;
    if (field == 3) use.zombie = word == "Z" || word == "X";
    if (field != 14 && field != 15 && field != 22 && field != 24) continue;
    uint64_t number = 0;
    if (std::from_chars(word.data(), word.data() + word.size(), number).ec != std::errc())
      return std::nullopt;
    if (field == 14 || field == 15) ticks += number;
    if (field == 22) use.start_ticks = number;
    if (field == 24) use.rss_bytes = number * static_cast<uint64_t>(page_bytes);
  }
  use.cpu_seconds = static_cast<double>(ticks) / static_cast<double>(ticks_per_second);
  return use;
}

std::optional<ProcessUse> process_use(pid_t pid) {
  UniqueFd fd(open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  char text[1024];
  const ssize_t n = read(fd.get(), text, sizeof text);
  if (n <= 0) return std::nullopt;
  return parse_proc_stat({text, static_cast<size_t>(n)}, sysconf(_SC_CLK_TCK), sysconf(_SC_PAGESIZE));
}

bool is_running(pid_t pid, uint64_t start_ticks) {
  const auto use = process_use(pid);
  return use && use->start_ticks == start_ticks && !use->zombie;
}

namespace {

std::optional<uint64_t> descriptors_in_use(const std::string& folder) {
  // Linux tells their number since 6.2.
  struct stat told {};
  if (::stat(folder.c_str(), &told) == 0 && told.st_size > 0 && ::access(folder.c_str(), R_OK) == 0)
    return static_cast<uint64_t>(told.st_size);
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error);
  uint64_t count = 0;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) ++count;
  if (error) return std::nullopt;
  return count;
}

}  // namespace

std::optional<DescriptorUse> descriptor_use(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream limits(folder + "/limits");
  for (std::string line; std::getline(limits, line);) {
    constexpr std::string_view kName = "Max open files";
    if (!line.starts_with(kName)) continue;
    std::istringstream rest(line.substr(kName.size()));
    std::string soft;
    rest >> soft;
    return DescriptorUse{soft == "unlimited" ? UINT64_MAX : std::strtoull(soft.c_str(), nullptr, 10),
                         descriptors_in_use(folder + "/fd")};
  }
  return std::nullopt;
}

}  // namespace e2k
