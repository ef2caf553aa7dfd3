// An Intake that keeps everything in memory, and waits with a deadline for what a test expects.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "worker/intake.h"

namespace e2k::worker {

struct Recorded {
  bool is_error = false;
  std::string error;
  uint8_t dbr_type = 0;
  int16_t status = 0;
  int16_t severity = 0;
  uint32_t count = 0;
  std::vector<std::byte> value;
  std::chrono::steady_clock::time_point arrival;

  double number(size_t element = 0) const;  // by its native type
  std::string text(size_t element = 0) const;
};

class IntakeEntry {
public:
  uint32_t index = 0;
  EntrySpec spec;
  uint32_t flags = 0;
  ledger::EntryState state = ledger::EntryState::unused;
  ledger::Step step = ledger::Step::none;
  uint16_t detail = 0;
  std::string host, also_host;
  uint16_t dbr_type = 0xffff;
  uint32_t count = 0;
  bool open = true;
  size_t gaps = 0;
  bool in_gap = false;
  bool awaits_first = true;
  EventIdentity last;
  size_t refused = 0;
  size_t suppressed = 0;  // first events of subscriptions that it had already
  std::vector<Recorded> records;
};

class RecordingIntake final : public Intake {
public:
  // Keeps only counts: for tests with very many channels.
  explicit RecordingIntake(bool counts_only = false) : counts_only_(counts_only) {}

  // Whether it is held makes no difference here.
  bool hold(EntryIndex) override { return true; }
  IntakeEntry* open_entry(EntryIndex index, const EntrySpec& entry, uint32_t ledger_flags,
                          bool resumes) override;
  void close_entry(IntakeEntry* entry) override;
  void end_gap(IntakeEntry& entry) noexcept override;
  void take_over(IntakeEntry& to, const IntakeEntry& from) noexcept override;
  using Intake::event;
  void event(std::span<IntakeEntry* const> entries, const CaEvent& event) noexcept override;
  void refused(IntakeEntry& entry, ledger::LossReason reason) noexcept override;
  void error(IntakeEntry& entry, std::string_view text, ledger::Thread by) noexcept override;
  void set_state(IntakeEntry& entry, ledger::EntryState state) noexcept override;
  void set_step(IntakeEntry& entry, ledger::Step step, uint16_t detail) noexcept override;
  void add_flags(IntakeEntry& entry, uint32_t flags) noexcept override;
  void clear_flags(IntakeEntry& entry, uint32_t flags) noexcept override;
  uint32_t flags(const IntakeEntry& entry) const noexcept override;
  EventIdentity last_event(const IntakeEntry& entry) const noexcept override;
  void set_host(IntakeEntry& entry, std::string_view host) noexcept override;
  void set_type(IntakeEntry& entry, uint16_t dbr_type, uint32_t count) noexcept override;
  void set_also_host(IntakeEntry& entry, std::string_view host) noexcept override;
  void set_server(std::string_view host, const ServerFacts& facts) noexcept override;
  void set_search(const SearchFacts& facts) noexcept override;
  void forget_host(std::string_view) noexcept override {}
  void turn_skew_window() noexcept override {}

  ServerFacts server(const std::string& host) const;
  SearchFacts search() const;
  // A copy of what the entry of this index holds.
  IntakeEntry entry(uint32_t index) const;
  std::vector<Recorded> records(uint32_t index) const { return entry(index).records; }
  size_t in_state(ledger::EntryState state) const;
  size_t closed() const;
  size_t event_calls() const;
  size_t events() const;
  // Entries that had at least one event.
  size_t with_events() const;
  // False at the deadline. `holds` is asked after every change.
  bool wait(std::chrono::milliseconds deadline, const std::function<bool()>& holds);
  // At least `count` records, errors included.
  bool wait_records(uint32_t index, size_t count, std::chrono::milliseconds deadline);

private:
  void take(IntakeEntry& entry, const CaEvent& event, const EventIdentity& identity);
  void put_into_state(IntakeEntry& entry, ledger::EntryState state);
  template <class F>
  void change(F f) {
    const std::lock_guard lock(mutex_);
    f();
    changed_.notify_all();
  }

  const bool counts_only_;
  mutable std::recursive_mutex mutex_;
  std::condition_variable_any changed_;
  std::map<uint32_t, std::unique_ptr<IntakeEntry>> entries_;  // closed ones too, until they are opened again
  std::map<ledger::EntryState, size_t> states_;
  std::map<std::string, ServerFacts> servers_;
  SearchFacts search_{};
  size_t closed_ = 0, event_calls_ = 0, events_ = 0, with_events_ = 0;
};

}  // namespace e2k::worker
