#include "worker/spool/log.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/log.h"
#include "worker/spool/disk_remedy.h"
#include "worker/spool/record.h"

namespace e2k::spool {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> problem(const std::string& directory, const char* what, const std::error_code& error) {
  return fail("spool directory " + directory + " " + what + ": " + error.message() +
              disk_remedy(error.value()));
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(std::string spool, std::string directory, LogId id) {
  std::unique_ptr<Log> log(new Log(std::move(spool), std::move(directory), id));
  if (auto listed = log->list_files(); !listed) return tl::unexpected(listed.error());
  return log;
}

Result<std::unique_ptr<Log>> Log::create(std::string spool, std::string directory, LogId id) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return problem(directory, "cannot be made", error);
  if (!fs::is_empty(directory, error) || error)
    return fail("spool directory " + directory + " is not empty: it holds another log");
  return std::unique_ptr<Log>(new Log(std::move(spool), std::move(directory), id));
}

Result<void> Log::list_files() {
  std::error_code error;
  fs::directory_iterator files(directory_, error);
  for (; !error && files != fs::directory_iterator(); files.increment(error)) {
    const std::string name = files->path().filename().string();
    if (const auto number = Segment::number_of(name)) {
      segments_.emplace(*number, nullptr);
      std::error_code unknown;
      const uint64_t bytes = files->file_size(unknown);
      if (!unknown) file_bytes_ += bytes;
    } else {
      log::warn("spool.foreign_file path={} remedy=\"it goes with its folder; take it away if it is needed\"",
                log::quoted(files->path().string()));
    }
  }
  if (error) return problem(directory_, "cannot be read", error);
  return {};
}

Segment* Log::map(std::map<uint64_t, std::shared_ptr<Segment>>::iterator at) {
  if (at->second) return at->second.get();
  auto segment = Segment::open(directory_, at->first);
  if (segment) {
    at->second = std::move(*segment);
    return at->second.get();
  }
  const uint64_t number = at->first;
  segments_.erase(at);
  if (Segment::is_unfinished(directory_, number)) {
    std::error_code ignored;
    fs::remove(directory_ + "/" + Segment::file_name(number), ignored);
    return nullptr;
  }
  put_aside(number, segment.error().message, true);
  return nullptr;
}

void Log::put_aside(std::shared_ptr<Segment> segment, const std::string& why) {
  const uint64_t number = segment->number();
  segment.reset();
  put_aside(number, why, false);
}

void Log::put_aside(uint64_t number, const std::string& why, bool counted) {
  const fs::path path = fs::path(directory_) / Segment::file_name(number);
  const fs::path folder = fs::path(spool_) / "damaged";
  // `0.7-…01.seg`, `0.aside-1-…01.seg`
  std::string name = path.lexically_relative(spool_).string();
  std::replace(name.begin(), name.end(), '/', '-');
  const fs::path to = folder / name;
  std::error_code error;
  const uint64_t bytes = fs::file_size(path, error);
  if (!error) file_bytes_ -= std::min(bytes, counted ? file_bytes() : 0);
  fs::create_directories(folder, error);
  fs::rename(path, to, error);
  damaged_.fetch_add(1, std::memory_order_relaxed);
  log::error(
      "segment.damaged path={} kept_as={} reason={} remedy=\"nothing needs to be done; remove the file when "
      "nobody wants to look at it\"",
      log::quoted(path.string()), log::quoted(to.string()), log::quoted(why));
}

Segment* Log::find(uint64_t number) {
  std::lock_guard lock(mutex_);
  const auto at = segments_.find(number);
  return at == segments_.end() ? nullptr : map(at);
}

Segment* Log::from(uint64_t number) {
  std::lock_guard lock(mutex_);
  for (;;) {
    const auto at = segments_.lower_bound(number);
    if (at == segments_.end()) return nullptr;
    number = at->first + 1;
    if (Segment* segment = map(at)) return segment;
  }
}

std::shared_ptr<Segment> Log::share(uint64_t number) const {
  std::lock_guard lock(mutex_);
  const auto at = segments_.find(number);
  return at == segments_.end() ? nullptr : at->second;
}

std::vector<std::shared_ptr<Segment>> Log::share_all() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Segment>> all;
  for (const auto& [number, segment] : segments_)
    if (segment) all.push_back(segment);
  return all;
}

uint64_t Log::last_number() const {
  std::lock_guard lock(mutex_);
  return segments_.empty() ? 0 : segments_.rbegin()->first;
}

size_t Log::segments() const {
  std::lock_guard lock(mutex_);
  return segments_.size();
}

void Log::add(std::shared_ptr<Segment> segment) {
  std::lock_guard lock(mutex_);
  file_bytes_ += segment->file_bytes();
  const uint64_t number = segment->number();
  segments_.emplace_hint(segments_.end(), number, std::move(segment));
}

std::shared_ptr<Segment> Log::take(uint64_t number) {
  std::lock_guard lock(mutex_);
  const auto at = segments_.find(number);
  if (at == segments_.end()) return nullptr;
  std::shared_ptr<Segment> segment = std::move(at->second);
  segments_.erase(at);
  if (segment) file_bytes_ -= std::min(segment->file_bytes(), file_bytes());
  return segment;
}

void Log::drop_unused() {
  RecordView record;
  while (segments() != 0) {
    const uint64_t number = last_number();
    Segment* const last = find(number);
    if (last == nullptr) continue;  // it was none
    uint64_t unit = 0;
    ReadOutcome outcome;
    while ((outcome = read_record(last->view(), unit, record)) == ReadOutcome::record) unit += record.units;
    if (outcome != ReadOutcome::nothing_yet) return;
    if (unit != 0 || segments() == 1) {
      file_bytes_ -= std::min(last->trim(unit), file_bytes());
      return;
    }
    if (auto removed = take(number)->remove(); !removed)
      return log::warn("segment.not_removed reason={}", log::quoted(removed.error().message));
  }
}

Result<void> Log::remove() {
  std::error_code error;
  const std::string going = directory_ + kRemovedSuffix;
  fs::rename(directory_, going, error);
  if (error && error != std::errc::no_such_file_or_directory)
    return problem(directory_, "cannot be removed", error);
  {
    std::lock_guard lock(mutex_);
    segments_.clear();
    file_bytes_ = 0;
  }
  fs::remove_all(going, error);
  if (error) return problem(going, "cannot be removed", error);
  return {};
}

}  // namespace e2k::spool
