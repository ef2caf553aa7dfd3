#include "worker/spool/predecessor.h"

#include <string>
#include <system_error>

#include "common/log.h"
#include "worker/spool/ledger.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {
namespace {

std::filesystem::path log_of(const LaunchContract& c, uint32_t generation) {
  const std::string name = std::to_string(c.slot.value) + "." + std::to_string(generation);
  return std::filesystem::path(c.spool_path).parent_path() / name;
}

}  // namespace

Result<std::optional<std::filesystem::path>> repair_predecessor(const LaunchContract& c) {
  std::error_code error;
  if (!std::filesystem::exists(c.ledger_path, error)) return std::nullopt;
  auto books = ledger::Ledger::open_for_repair(c.ledger_path);
  if (!books || (*books)->header().slot != c.slot.value) return std::nullopt;
  if ((*books)->is_kept())
    return fail("the worker before this one (pid " + std::to_string((*books)->header().pid) +
                ") still runs; it leaves when it has drained, or when its lease is over");
  const auto folder = log_of(c, (*books)->header().generation);
  if (!std::filesystem::exists(folder, error)) return std::nullopt;
  auto recovered = spool::recover(folder.string(), **books);
  if (!recovered) {
    log::warn("predecessor_unreadable reason={}", log::quoted(recovered.error().message));
    return std::nullopt;
  }
  log::info("predecessor_found log={} waiting={} damaged={}", log::quoted(folder.string()),
            recovered->waiting, recovered->damaged);
  if (recovered->waiting != 0 || recovered->damaged) return std::nullopt;
  return folder;
}

uint64_t bytes_of_older_logs(const LaunchContract& c) {
  const auto own = std::filesystem::path(c.spool_path);
  const std::string prefix = std::to_string(c.slot.value) + ".";
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& folder : std::filesystem::directory_iterator(own.parent_path(), error)) {
    if (folder.path() == own || !folder.path().filename().string().starts_with(prefix)) continue;
    for (const auto& file : std::filesystem::directory_iterator(folder.path(), error)) {
      const uint64_t size = file.file_size(error);
      if (!error) bytes += size;
    }
  }
  return bytes;
}

void remove_log_of_predecessor(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error)
    log::warn("log_not_removed log={} reason={}", log::quoted(folder.string()), log::quoted(error.message()));
}

}  // namespace e2k::worker
