// Pure. When the room of a live log is worth a line in the worker's log: one when events begin to be lost for
// want of it, or the file system does not give any, and one when that has been over for a while.
//
// That no further segment can be made is no trouble by itself: those that are there are used again, at each
// turn of segments, and what is dropped for room makes room for a moment.
#pragma once

#include <cstdint>
#include <optional>

namespace e2k::spool {

enum class RoomState {
  ok,
  full,       // the slot's share of spool.max_total_bytes is used up
  disk_full,  // the file system would fall below spool.keep_free_bytes
  failing,    // the file system refuses
};

class RoomLine {
public:
  static constexpr int64_t kStandsNs = 1'000'000'000;
  static constexpr int64_t kOverNs = 30'000'000'000;

  // `lost`: events that were lost for want of room, ever. What is to be told, if anything.
  std::optional<RoomState> take(RoomState state, uint64_t lost, int64_t now_ns) {
    const bool loses = state != RoomState::ok && lost_ && lost != *lost_;
    lost_ = lost;
    if (state == RoomState::ok || state == RoomState::full)
      stands_since_ns_ = -1;
    else if (stands_since_ns_ < 0)
      stands_since_ns_ = now_ns;
    const bool stands = stands_since_ns_ >= 0 && now_ns - stands_since_ns_ >= kStandsNs;
    if (loses || stands) {
      last_ns_ = now_ns;
      const bool again = told_ == RoomState::ok || now_ns - told_at_ns_ >= kOverNs;
      return state != told_ && again ? tell(state, now_ns) : std::nullopt;
    }
    if (told_ == RoomState::ok || now_ns - last_ns_ < kOverNs) return std::nullopt;
    return tell(RoomState::ok, now_ns);
  }

private:
  std::optional<RoomState> tell(RoomState state, int64_t now_ns) {
    told_ = state;
    told_at_ns_ = now_ns;
    return state;
  }

  RoomState told_ = RoomState::ok;
  int64_t told_at_ns_ = 0;
  int64_t last_ns_ = 0;           // of the trouble that was told
  int64_t stands_since_ns_ = -1;  // the file system's state
  std::optional<uint64_t> lost_;
};

}  // namespace e2k::spool
