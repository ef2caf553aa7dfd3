#include "worker/spool/slot_folders.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "common/fd.h"
#include "common/log.h"
#include "worker/spool/aside_logs.h"

namespace e2k::spool {
namespace {

namespace fs = std::filesystem;

std::optional<Generation> generation_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  uint32_t number = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
  if (read.ec != std::errc{} || read.ptr != name.data() + name.size()) return std::nullopt;
  return Generation{number};
}

// Ours, if any of its segments has that; else that of one of the others; nothing where none can be read as
// one.
std::optional<uint32_t> format_of(const fs::path& folder) {
  std::optional<uint32_t> other;
  std::error_code error;
  for (fs::directory_iterator files(folder, error); !error && files != fs::directory_iterator();
       files.increment(error)) {
    if (!Segment::number_of(files->path().filename().string())) continue;
    UniqueFd fd(::open(files->path().c_str(), O_RDONLY | O_CLOEXEC));
    SegmentHeader h{};
    if (!fd || ::read(fd.get(), &h, sizeof h) != static_cast<ssize_t>(sizeof h)) continue;
    if (h.magic != kSegmentMagic) continue;
    if (h.format_version == kFormatVersion) return kFormatVersion;
    other = h.format_version;
  }
  return other;
}

uint32_t count_folders(const std::string& folder) {
  uint32_t count = 0;
  std::error_code error;
  for (fs::directory_iterator folders(folder, error); !error && folders != fs::directory_iterator();
       folders.increment(error))
    if (!folders->path().filename().string().ends_with(kRemovedSuffix)) ++count;
  return count;
}

}  // namespace

std::string log_folder(const std::string& spool, Slot slot, Generation generation) {
  return spool + "/" + std::to_string(slot.value) + "." + std::to_string(generation.value);
}

Result<SlotFolders> find_slot_folders(const std::string& spool, Slot slot) {
  SlotFolders found;
  std::error_code error;
  if (!fs::exists(spool, error)) return found;
  const std::string prefix = std::to_string(slot.value) + ".";
  fs::directory_iterator entries(spool, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(kRemovedSuffix)) {
      std::error_code ignored;
      fs::remove_all(entries->path(), ignored);
      continue;
    }
    const auto generation = generation_of(name, prefix);
    if (!generation) continue;
    const auto format = format_of(entries->path());
    if (format && *format != kFormatVersion) {
      log::error(
          "spool.other_format path={} format={} understood={} remedy=\"drain it with the release that wrote "
          "it, "
          "or remove it: what waits in it is lost then\"",
          log::quoted(entries->path().string()), *format, kFormatVersion);
      continue;
    }
    found.logs.push_back({*generation, entries->path().string()});
  }
  if (error) return fail("spool directory " + spool + " cannot be read: " + error.message());
  std::sort(found.logs.begin(), found.logs.end(),
            [](const LogFolder& a, const LogFolder& b) { return a.generation < b.generation; });
  found.aside_logs = count_folders(aside_folder(spool, slot));
  return found;
}

}  // namespace e2k::spool
