// Pure. What of the spools and of what is lost an operator must know, from the sums in the ledgers' headers:
// a message for each kind, "" where nothing is amiss.
//
// look() is fed once a second and keeps what it needs of the past: growth over the last minute, losses by
// reason over kLossWindow. Counters count from the first look; a slot that appears later counts from 0. Lines
// of entries are looked at only when wants_lines() says that they have something to tell; then tell() brings
// it. Every problem ends by itself: a topic's when it takes events again, a spool's when it has emptied, a
// loss's some minutes after the last one.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "proto/ledger_format.h"

namespace e2k::supervisor {

// A slot's figures, as its ledger's header has them.
struct SpoolFigures {
  Slot slot;
  bool lives = true;  // its worker does; else its spool is drained by another
  uint64_t used_bytes = 0, max_bytes = 0;
  uint64_t file_bytes = 0;                // reserved; what is used is part of it
  uint64_t disk_room_bytes = UINT64_MAX;  // that its file system has for more files
  uint64_t aside_bytes = 0, aside_max_bytes = 0;
  uint32_t aside_logs = 0;
  uint64_t damaged_segments = 0;
  bool unreconciled = false;
  double oldest_waiting_s = 0;
  // By LossReason; both sides of the spool together.
  std::array<uint64_t, ledger::kReasons> lost{};
};
SpoolFigures spool_figures_of(const ledger::Header& header, RealNs now);

// What entries' lines tell.
struct BlockedTopic {
  ledger::Blocked why = ledger::Blocked::no;
  uint64_t entries = 0, waiting = 0;
};
struct LossExample {
  std::string channel, topic;
  ledger::LossReason reason = ledger::LossReason::none;
};
struct LineNews {
  std::map<std::string, BlockedTopic, std::less<>> blocked;  // by topic
  std::vector<LossExample> losses;                           // some of the last minutes'
};
inline constexpr size_t kLossExamples = 3;

struct SpoolProblems {
  std::string topic_blocked;        // TOPIC_BLOCKED
  bool lacks_only_schemas = false;  // of each topic that is blocked a schema's id is not known
  std::string spool_filling;        // SPOOL_FILLING
  std::string spool_full;           // SPOOL_FULL
  std::string events_lost;          // EVENTS_LOST
  std::string records_refused;      // RECORDS_REFUSED
  std::string log_damaged;          // LOG_DAMAGED
  std::string spool_gone;           // SPOOL_GONE
};

class SpoolJudge {
public:
  static constexpr int64_t kLossWindowNs = 300 * kNsPerSecond;
  // What nobody sees coming, and what can't be mended, is shown for longer.
  static constexpr int64_t kDamageWindowNs = 3600 * kNsPerSecond;

  void look(std::span<const SpoolFigures> slots, MonotonicNs now);
  bool wants_lines(MonotonicNs now) const;
  void tell(LineNews news, MonotonicNs now);
  SpoolProblems judge(MonotonicNs now) const;
  // Output topics that take nothing, and why.
  std::map<std::string, ledger::Blocked> blocked_topics() const;

private:
  struct Sample {
    MonotonicNs at;
    uint64_t used, aside;
  };
  struct SlotPast {
    SpoolFigures now;
    std::deque<Sample> samples;  // of the last minute
    bool filling = false;
    double used_growth = 0, aside_growth = 0;  // bytes a second
    double lasts_s() const;                    // until nothing more can be used; with used_growth above 0
    MonotonicNs full_at{INT64_MIN / 2}, damaged_at{INT64_MIN / 2}, gone_at{INT64_MIN / 2};
    std::map<ledger::LossReason, uint64_t> lost_for_good;  // since it appeared: spool_gone, damaged
    uint64_t damaged_before = 0;                           // segments
  };
  struct Loss {
    MonotonicNs at;
    ledger::LossReason reason;
    uint64_t events;
  };
  void count_losses(SlotPast& past, const SpoolFigures& before, MonotonicNs now);
  void note_growth(SlotPast& past, MonotonicNs now);
  std::map<ledger::LossReason, uint64_t> recent_losses(MonotonicNs now) const;
  std::string examples_of(ledger::LossReason reason) const;  // none: of any
  std::string topic_blocked(MonotonicNs now) const;
  std::string aside_room() const;
  std::string spools(bool full, MonotonicNs now) const;
  std::string events_lost(MonotonicNs now) const;
  std::string records_refused(MonotonicNs now) const;
  std::string log_damaged(MonotonicNs now) const;
  std::string spool_gone(MonotonicNs now) const;

  bool looked_ = false;
  std::map<Slot, SlotPast> slots_;
  std::deque<Loss> losses_;
  struct Standing {
    BlockedTopic now;
    MonotonicNs since;
    double growth = 0;  // events a second
  };
  std::map<std::string, Standing, std::less<>> blocked_;
  std::vector<LossExample> examples_;
  bool news_of_loss_ = false;
  MonotonicNs lines_at_{INT64_MIN / 2};
};

}  // namespace e2k::supervisor
