// Shell. A log: a folder of segments, in the order of their numbers.
//
// The same class serves a log that is appended to (worker/spool/live_log.h and aside_log.h put segments in)
// and one that is only drained. Numbers have gaps: a segment whose records are all settled leaves the log,
// wherever it stands. Files are mapped when they are first asked for, so that a log of any size is opened at
// once.
//
// Threads: the map of segments has a lock, held for moving pointers only (and for opening a file, which
// nobody does to a log that is appended to by another thread). A Segment stays where it is until it is taken
// out, which is the publisher's to do.
//
// What can't be opened as a segment, or not be read to its end, is put aside into the folder `damaged` of the
// spool, told in the log and counted; reading goes on behind it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/result.h"
#include "proto/spool_format.h"
#include "worker/spool/segment.h"

namespace e2k::spool {

class Log {
public:
  // An existing folder, for reading and settling. `spool`: the spool's folder, where `damaged` is.
  static Result<std::unique_ptr<Log>> open(std::string spool, std::string directory, LogId id);
  // Makes the folder; one that holds anything is refused.
  static Result<std::unique_ptr<Log>> create(std::string spool, std::string directory, LogId id);

  LogId id() const { return id_; }
  const std::string& directory() const { return directory_; }

  Segment* find(uint64_t number);
  // The first segment whose number is `number` or greater; nullptr: there is none (yet).
  Segment* from(uint64_t number);
  Segment* first() { return from(0); }
  // The last number, 0: none. Of a log that was opened, as it was then.
  uint64_t last_number() const;
  size_t segments() const;
  // For who must not lose it while it is taken out: one, or all that are mapped.
  std::shared_ptr<Segment> share(uint64_t number) const;
  std::vector<std::shared_ptr<Segment>> share_all() const;

  // Behind all others.
  void add(std::shared_ptr<Segment> segment);
  // Out of the log; its file stays.
  std::shared_ptr<Segment> take(uint64_t number);

  uint64_t file_bytes() const { return file_bytes_.load(std::memory_order_relaxed); }
  // Since it was last asked.
  uint32_t take_damaged() { return damaged_.exchange(0, std::memory_order_relaxed); }
  // A segment that was taken out and that can't be read to its end.
  void put_aside(std::shared_ptr<Segment> segment, const std::string& why);

  // Of a log that nobody appends to any more: removes the files behind its last record, which were laid out
  // in advance, and gives back what the last one reserves: a worker that was killed leaves but what it wrote.
  void drop_unused();
  // The folder with all that it holds. It is renamed first: a process that dies meanwhile leaves nothing that
  // could be taken for a log.
  Result<void> remove();

private:
  Log(std::string spool, std::string directory, LogId id)
      : spool_(std::move(spool)), directory_(std::move(directory)), id_(id) {}
  // `counted`: in the bytes of this log's files.
  void put_aside(uint64_t number, const std::string& why, bool counted);
  Result<void> list_files();
  // With the lock held. nullptr: it was none.
  Segment* map(std::map<uint64_t, std::shared_ptr<Segment>>::iterator at);

  const std::string spool_, directory_;
  const LogId id_;
  mutable std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Segment>> segments_;  // nullptr: not mapped yet
  std::atomic<uint64_t> file_bytes_{0};
  std::atomic<uint32_t> damaged_{0};
};

// Folders end so while they are being removed.
inline constexpr const char* kRemovedSuffix = ".removed";

}  // namespace e2k::spool
