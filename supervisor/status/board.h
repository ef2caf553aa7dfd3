// Shell. What the service shows: of itself, its workers, entries and IOCs, put together on request from the
// parts and the mapped ledgers. It changes nothing, and a hung worker can't hang it.
//
// How many entries are in each state is kept as states change. Workers change them in their ledgers, without
// a word: whoever goes through the entries calls saw() for each, and status() looks at all where there
// are so few that it is as quick as anything else it does. One thread, the event loop's.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/commands/replay.h"
#include "supervisor/control/model.h"
#include "supervisor/fleet/fleet.h"
#include "supervisor/ledgers.h"
#include "supervisor/plan/shares.h"
#include "supervisor/quarantine/quarantine.h"
#include "supervisor/slot_books.h"
#include "supervisor/status/flow.h"
#include "supervisor/status/host_view.h"
#include "supervisor/status/line_sums.h"
#include "supervisor/status/reasons.h"
#include "supervisor/status/state_counts.h"
#include "supervisor/status/transitions.h"

namespace e2k::supervisor {

class Board {
public:
  static constexpr size_t kFewEntries = 20'000;

  // All outlive it.
  struct Parts {
    const Config& config;
    const CommandState& commands;
    const Replay& replay;
    const Shares& shares;
    const Fleet& fleet;
    const SlotBooks& books;
    const Ledgers& ledgers;
    const Reasons& reasons;
    const Quarantine& quarantine;
    std::function<std::string()> kafka_last_error;                  // of the command topic's connection
    std::function<bool(Slot)> leaves = [](Slot) { return false; };  // the fleet, for good
    std::function<double()> longest_turn_s = [] { return 0.0; };    // of the event loop
    std::function<std::optional<MoveView>(EntryId)> move_of = [](EntryId) { return std::nullopt; };
  };
  explicit Board(Parts parts) : parts_(std::move(parts)), started_at_(monotonic_now()) {}

  void set_paused(bool paused) { paused_ = paused; }
  void set_stopping() { stopping_ = true; }
  // What can't be known of the command topic; "": all is known.
  void note_commands(std::string note) { commands_note_ = std::move(note); }
  const std::string& commands_note() const { return commands_note_; }
  // The entry was commanded, moved or removed, or its line may be another.
  void changed(EntryId id);
  // Likewise, for whoever has its line at hand: null where no worker that lives has one. true: its state is
  // another.
  bool saw(const EntryRef& entry, const ledger::Entry* line);
  // A slice of all lines, for their sums.
  void look_at_lines();
  // Once in `seconds`.
  void look(double seconds);

  // Of entries, since the last time.
  std::vector<EntryChanges::Group> take_entry_changes() { return entry_changes_.take(); }
  const std::array<uint64_t, kShownStates>& entries_by_state() const { return states_.by_state(); }

  ServiceState state() const;
  StatusView status();
  // Slots with their states and last exits, and nothing else of them.
  std::vector<WorkerView> worker_states() const;
  std::optional<EntryView> entry(EntryId id) const;
  std::vector<WorkerView> workers() const;
  std::vector<WorkerView> gone_slots() const;
  InSlices<EntryPage> entries_in_slices(EntryQuery query) const;
  std::vector<EntryView> entries_of(std::string_view channel) const;
  InSlices<std::vector<std::string>> topics_in_slices(size_t limit) const;
  InSlices<TopicPage> topic_page_in_slices(TopicQuery query) const;
  std::vector<HostView> hosts() const;

  // Of a slice that goes through all entries, and of one that shows some of them.
  static constexpr uint32_t kIdsOfASlice = 4000;
  static constexpr size_t kViewsOfASlice = 500;

private:
  class EntrySearch;
  class TopicSearch;
  ShownState shown_state(const EntryRef& entry) const;
  EntryView view_of(const EntryRef& entry) const;
  bool is_asked_for(const EntryRef& entry, const EntryQuery& query, RealNs now) const;
  EventCounts counts_of(const EntryRef& entry) const;
  std::string schema_words(Slot slot) const;
  std::string why_unserved(Slot slot) const;
  void add_bar(EntryView& view, const EntryRef& entry) const;
  void count_states();
  ShownState state_by(const EntryRef& entry, const ledger::Entry* line) const;
  bool note_state(const EntryRef& entry, ShownState now);
  FlowSums flow_sums() const;
  void add_commands(StatusView& view) const;
  void add_slots(StatusView& view) const;
  void add_configuration(StatusView& view) const;

  const Parts parts_;
  const MonotonicNs started_at_;
  bool paused_ = false;
  bool stopping_ = false;
  std::string commands_note_;
  mutable bool has_begun_ = false;  // every worker was there once; those that join later begin by themselves
  StateCounts states_;
  EntryChanges entry_changes_;
  SlotSums line_sums_;
  HostRates rates_;
  Flow flow_;
};

}  // namespace e2k::supervisor
