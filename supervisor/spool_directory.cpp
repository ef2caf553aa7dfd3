#include "supervisor/spool_directory.h"

#include <sys/statvfs.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "supervisor/state_directory.h"

namespace e2k::supervisor {
namespace {

namespace fs = std::filesystem;

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // "07" is none: what is named by a program has one spelling.
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || std::to_string(value) != text) return std::nullopt;
  return value;
}

constexpr std::string_view kRemoved = ".removed";

// Whether the folder of topics' own logs holds any. In doubt it does.
bool holds_logs(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (!entry->path().filename().string().ends_with(kRemoved)) return true;
  return static_cast<bool>(error);
}

// false: it does not belong there.
bool note(SpoolSurvey& survey, const fs::path& path, bool is_folder) {
  const std::string file = path.filename().string();
  const std::string_view name = file;
  if (name == "lock") return !is_folder;
  if (name == "damaged") return is_folder;
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return false;
  const auto slot = number<uint16_t>(name.substr(0, dot));
  const std::string_view what = name.substr(dot + 1);
  if (!slot) return false;
  if (what == "names" && !is_folder) {
    survey.slots[Slot{*slot}].names = true;
    return true;
  }
  if (!is_folder) return false;
  if (name.ends_with(kRemoved)) return true;
  const auto generation = number<uint32_t>(what);
  if (generation) {
    survey.slots[Slot{*slot}].logs = true;
    survey.last_generation = std::max(survey.last_generation, Generation{*generation});
    return true;
  }
  if (what != "aside") return false;
  if (holds_logs(path)) survey.slots[Slot{*slot}].logs = true;
  return true;
}

}  // namespace

Result<SpoolDirectory> SpoolDirectory::open(const std::string& path) {
  if (auto made = make_directories(path, 0750); !made) return tl::unexpected(made.error());
  auto lock = lock_directory(path, "lock", "another spool.directory");
  if (!lock) return tl::unexpected(lock.error());
  return SpoolDirectory(path, std::move(*lock));
}

Result<SpoolSurvey> SpoolDirectory::survey() const {
  SpoolSurvey survey;
  std::error_code error;
  fs::directory_iterator entry(path_, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (!note(survey, entry->path(), entry->is_directory(ignored)))
      survey.strangers.push_back(entry->path().string());
  }
  if (error)
    return fail(
        fmt::format("{}: the spool's folder can't be read to its end ({}); look at its file system and "
                    "its rights",
                    path_, error.message()));
  std::sort(survey.strangers.begin(), survey.strangers.end());
  return survey;
}

uint64_t SpoolDirectory::room_bytes(const std::string& path, int64_t keep_free_bytes) {
  struct statvfs disk {};
  if (::statvfs(path.c_str(), &disk) != 0) return UINT64_MAX;
  const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
  return free - std::min(free, static_cast<uint64_t>(std::max<int64_t>(0, keep_free_bytes)));
}

}  // namespace e2k::supervisor
