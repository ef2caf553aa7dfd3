#include "worker/spool/aside_logs.h"

#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "common/log.h"

namespace e2k::spool {
namespace {

namespace fs = std::filesystem;

std::optional<uint64_t> folder_number(const std::string& name) {
  uint64_t number = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
  if (read.ec != std::errc{} || read.ptr != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

// That of the first entry that it describes; all its entries have the same one. What is damaged is for its
// reader to find.
std::optional<std::string> topic_of(Log& log) {
  RecordView record;
  for (Segment* s = log.first(); s != nullptr; s = log.from(s->number() + 1))
    for (uint64_t unit = 0; read_record(s->view(), unit, record) == ReadOutcome::record; unit += record.units)
      if (record.header->kind == RecordKind::channel) return std::string(record.topic());
  return std::nullopt;
}

// Of a log in which no entry is described: what does not hold together is kept.
void keep_what_is_damaged(Log& log) {
  RecordView record;
  uint64_t next = 0;
  while (Segment* const s = log.from(next)) {
    next = s->number() + 1;
    if (read_record(s->view(), 0, record) == ReadOutcome::damaged)
      log.put_aside(log.take(s->number()), "its first record does not hold together");
  }
}

}  // namespace

std::string aside_folder(const std::string& spool, Slot slot) {
  return spool + "/" + std::to_string(slot.value) + ".aside";
}

Result<std::unique_ptr<AsideLogs>> AsideLogs::open(const Options& options) {
  std::unique_ptr<AsideLogs> logs(new AsideLogs(options));
  const std::string folder = aside_folder(options.spool, options.identity.slot);
  std::error_code error;
  if (!fs::exists(folder, error)) return logs;
  fs::directory_iterator folders(folder, error);
  for (; !error && folders != fs::directory_iterator(); folders.increment(error)) {
    const std::string name = folders->path().filename().string();
    if (const auto number = folder_number(name)) {
      logs->take_in(folders->path().string(), *number);
    } else if (name.ends_with(kRemovedSuffix)) {
      std::error_code ignored;
      fs::remove_all(folders->path(), ignored);
    } else {
      log::warn("spool.foreign_file path={} remedy=\"it is left alone; remove it if nobody needs it\"",
                log::quoted(folders->path().string()));
    }
  }
  if (error) return fail("spool directory " + folder + " cannot be read: " + error.message());
  return logs;
}

void AsideLogs::take_in(const std::string& directory, uint64_t number) {
  last_number_ = std::max(last_number_, number);
  auto log = Log::open(options_.spool, directory, kAsideLog | number);
  if (!log) {
    log::error("aside_log.unreadable reason={}", log::quoted(log.error().message));
    return;
  }
  const auto topic = topic_of(**log);
  if (!topic) {
    // Nothing was ever committed in it, or nothing of it can be read.
    keep_what_is_damaged(**log);
    damaged_ += (*log)->take_damaged();
    (void)(*log)->remove();
    return;
  }
  if (logs_.count(*topic) != 0) {
    log::error("aside_log.unreadable reason=\"there is another one of the same topic\" directory={}",
               log::quoted(directory));
    return;
  }
  logs_[*topic] =
      std::make_unique<AsideLog>(std::move(*log), options_.identity, *topic, options_.largest_data_bytes);
}

AsideLog* AsideLogs::find(std::string_view topic) {
  const auto at = logs_.find(topic);
  return at == logs_.end() ? nullptr : at->second.get();
}

Result<AsideLog*> AsideLogs::get(std::string_view topic) {
  if (AsideLog* log = find(topic)) return log;
  const uint64_t number = last_number_ + 1;
  auto log = Log::create(options_.spool,
                         aside_folder(options_.spool, options_.identity.slot) + "/" + std::to_string(number),
                         kAsideLog | number);
  if (!log) return tl::unexpected(log.error());
  last_number_ = number;
  auto& place = logs_[std::string(topic)];
  place = std::make_unique<AsideLog>(std::move(*log), options_.identity, std::string(topic),
                                     options_.largest_data_bytes);
  return place.get();
}

void AsideLogs::remove(std::string_view topic) {
  const auto at = logs_.find(topic);
  if (at == logs_.end()) return;
  if (auto removed = at->second->log().remove(); !removed)
    log::warn("spool.not_removed reason={}", log::quoted(removed.error().message));
  logs_.erase(at);
}

uint64_t AsideLogs::growth_for(std::string_view topic, const RecordView& record,
                               const EntryNames& names) const {
  const auto at = logs_.find(topic);
  return at == logs_.end() ? AsideLog::first_growth_for(record, names)
                           : at->second->growth_for(record, names);
}

uint64_t AsideLogs::file_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [topic, log] : logs_) bytes += log->file_bytes();
  return bytes;
}

}  // namespace e2k::spool
