// Pure. The last transitions, as server-sent events: what readers of GET /events are sent.
//
// Events are numbered from 1; an id is "BEGUN.NUMBER", so that one of an earlier process is not taken for one
// of this. A reader has a place in the log and no buffer of its own: one that is more than kKept events
// behind has lost some, is told so and let go. One that comes back with the id of what it saw last
// (Last-Event-ID) goes on there where that is still kept; else it is told that some are missing, and what
// stands now.
//
//   event: standing   what stands when the reader comes; without an id
//   event: live       all that stands was told; from here on it is changes
//   event: change     {"time","what","before","state","text"}
//   event: missed     some changes are not known any more
//   event: dropped    the reader was too slow; it is let go
//   event: status     the document of GET /status, for those who asked for it
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "supervisor/control/model.h"

namespace e2k::supervisor {

class EventLog {
public:
  static constexpr size_t kKept = 2000, kChunkBytes = 64 * 1024;

  explicit EventLog(RealNs begun) : begun_(begun) {}

  void add(const Transition& transition, RealNs now);
  uint64_t last() const { return first_ + kept_.size() - 1; }
  std::string id_of(uint64_t number) const;

  // A reader's first words: what stands, or nothing but what it has not seen. Sets its place, the number of
  // the event that it has seen last.
  std::string greeting(std::string_view last_event_id, const std::vector<Transition>& standing, RealNs now,
                       uint64_t& seen) const;
  struct Chunk {
    std::string text;     // "": nothing is new
    bool is_end = false;  // the reader is to be let go
  };
  Chunk next(uint64_t& seen) const;

private:
  std::optional<uint64_t> number_of(std::string_view id) const;  // of an event of this log, kept or not

  const RealNs begun_;
  uint64_t first_ = 1;  // the number of the oldest that is kept
  std::deque<std::string> kept_;
};

std::string status_event(std::string_view document);
inline constexpr std::string_view kHeartbeat = ": \n\n";

}  // namespace e2k::supervisor
