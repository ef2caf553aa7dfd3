// Shell. All the topics' own logs of one slot (aside_log.h): found at the start, made and removed as needed.
//
// They may take a part of the slot's share together; who has to drop something when it is used up is for the
// publisher to decide. One thread, the publisher's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/ids.h"
#include "common/result.h"
#include "worker/spool/aside_log.h"

namespace e2k::spool {

class AsideLogs {
public:
  struct Options {
    std::string spool;
    LogIdentity identity;
    uint64_t max_bytes = 0;                   // all together, at first
    uint64_t largest_data_bytes = 16u << 20;  // and no more than an eighth of max_bytes
  };
  // What is found in `<spool>/<slot>.aside`; folders that hold nothing go.
  static Result<std::unique_ptr<AsideLogs>> open(const Options& options);

  // By topic, as commanded; nullptr: it has none.
  AsideLog* find(std::string_view topic);
  // Likewise, made if need be.
  Result<AsideLog*> get(std::string_view topic);
  // It is empty: its folder goes.
  void remove(std::string_view topic);

  // What one more such record adds to the topic's files; 0: there is room in what is at hand.
  uint64_t growth_for(std::string_view topic, const RecordView& record, const EntryNames& names) const;
  uint64_t file_bytes() const;
  uint64_t max_bytes() const { return max_bytes_; }
  // What there is beyond that stays until it is settled or has to make room.
  void set_max_bytes(uint64_t bytes) { max_bytes_ = bytes; }
  // Of a slot's share of the spool, what blocked topics may take together.
  static uint64_t part_of(uint64_t share_bytes) { return share_bytes / 4; }
  // Segments of logs that are no more because nothing of them could be read; since it was last asked.
  uint32_t take_damaged() { return std::exchange(damaged_, 0); }
  const std::map<std::string, std::unique_ptr<AsideLog>, std::less<>>& all() const { return logs_; }

private:
  explicit AsideLogs(const Options& options) : options_(with_sizes(options)), max_bytes_(options.max_bytes) {}
  // What is dropped for want of room is a segment: it must be a small part of what there is.
  static Options with_sizes(Options options) {
    options.largest_data_bytes = std::min(options.largest_data_bytes, options.max_bytes / 8);
    return options;
  }
  void take_in(const std::string& directory, uint64_t number);

  const Options options_;
  uint64_t max_bytes_;
  std::map<std::string, std::unique_ptr<AsideLog>, std::less<>> logs_;
  uint64_t last_number_ = 0;
  uint32_t damaged_ = 0;
};

// `<spool>/<slot>.aside`
std::string aside_folder(const std::string& spool, Slot slot);

}  // namespace e2k::spool
