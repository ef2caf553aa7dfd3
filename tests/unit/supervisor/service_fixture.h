// The service with a tail and a fleet that are the test's: no broker, no process.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fake_fleet.h"
#include "supervisor/service.h"
#include "tests/support/files/temp_folder.h"

namespace e2k::supervisor {

// A command topic with one partition.
class FakeTail final : public Tail {
public:
  explicit FakeTail(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}
  std::string last_error() const override { return ""; }

  void found() { callbacks_.reading(std::vector<int32_t>{0}, log); }
  void record(std::string_view key, std::optional<std::string_view> value) {
    callbacks_.record({0, next_++, 0, key, value});
  }
  void set(const std::string& channel, const std::string& mask = "v") {
    record(channel, R"({"topic":"t","mask":")" + mask + R"("})");
  }
  void unset(const std::string& channel) { record(channel, std::nullopt); }
  void batch_end() { callbacks_.batch_end(); }
  void end() {
    callbacks_.end(0, next_);
    callbacks_.batch_end();
  }
  void vanish_and_come_back() {
    next_ = 0;
    callbacks_.started_over();
    found();
  }
  TopicLog log;
  void tell(ReasonCode code, const std::string& message) { callbacks_.problem(code, message); }

private:
  Callbacks callbacks_;
  int64_t next_ = 0;
};

class ServiceTest : public testing::Test {
protected:
  ServiceTest() {
    config.workers.count = 2;
    config.commands.topic = "commands";
    config.runtime_directory = folder / "run";
    ::mkdir(config.runtime_directory.c_str(), 0755);
    config.spool.directory = folder / "spool";
    config.control.socket = folder / "control.sock";
    config.control.status_socket = folder / "status.sock";
    auto opened = StateDirectory::open(folder / "state");
    EXPECT_TRUE(opened) << opened.error().message;
    directory.emplace(std::move(*opened));
    auto made = SpoolDirectory::open(config.spool.directory);
    EXPECT_TRUE(made) << made.error().message;
    spool.emplace(std::move(*made));
  }
  void start() {
    Service::Parts parts;
    parts.make_fleet = [this](Generation, Fleet::Callbacks callbacks, std::function<void(Generation)> used) {
      generation_used = std::move(used);
      auto made =
          std::make_unique<FakeFleet>(static_cast<size_t>(config.workers.count), std::move(callbacks));
      fleet = made.get();
      return Result<std::unique_ptr<Fleet>>(std::move(made));
    };
    parts.start_tail = [this](Tail::Callbacks callbacks) {
      auto made = std::make_unique<FakeTail>(std::move(callbacks));
      tail = made.get();
      return Result<std::unique_ptr<Tail>>(std::move(made));
    };
    auto made = Service::start(loop, config, *directory, *spool, parts, [this] { stopped = true; });
    ASSERT_TRUE(made) << made.error().message;
    service = std::move(*made);
    tail->found();
  }
  void greet_all() {
    for (uint16_t i = 0; i < config.workers.count; ++i) fleet->greet(Slot{i});
  }
  // A service that has read these channels' commands, with workers.
  void start_with(const std::vector<std::string>& channels) {
    start();
    greet_all();
    for (const std::string& channel : channels) tail->set(channel);
    tail->end();
    note_given();
  }
  // Plays what was given to the workers since the last time, as they would apply it.
  void note_given() {
    for (const auto& view : fleet->slots()) {
      auto& lines = served[view.slot.value];
      for (const AssignItem& item : fleet->take_given(view.slot)) {
        if (const auto* add = std::get_if<AddEntry>(&item)) {
          if (add->replaces) lines.erase(*add->replaces);
          lines[add->index] = *add;
        } else if (const auto* remove = std::get_if<RemoveEntry>(&item)) {
          lines.erase(remove->index);
        } else if (const auto* release = std::get_if<ReleaseEntry>(&item)) {
          if (lines.contains(release->index)) lines[release->index].held = false;
        }
      }
    }
  }
  ledger::Entry& line(const Place& at) { return fleet->ledger_of(at.slot).line(at.index); }
  // In its worker's books, and in Kafka.
  void report_never_connected(const Place& at) {
    line(at).ca.state = ledger::EntryState::never_connected;
    line(at).ca.flags = ledger::kNeverConnectedPublished;
  }
  static void serves(ledger::Entry& line) {
    line.ca.state = ledger::EntryState::connected;
    line.ca.step = ledger::Step::receiving;
  }
  static void receives(ledger::Entry& line, uint64_t stamp) {
    line.ca.last_stamp = stamp;
    line.publisher.last_event_hash = stamp + 1000;
    line.ca.last_arrival_real_ns = static_cast<int64_t>(stamp);
    line.ca.appended.fetch_add(1);
  }
  static void acknowledges(ledger::Entry& line) { line.publisher.acknowledged = line.ca.appended.load(); }
  // Where the channel is served by now.
  std::optional<Place> place(const std::string& channel) {
    note_given();
    for (const auto& [slot, lines] : served)
      for (const auto& [index, add] : lines)
        if (add.entry.channel == channel) return Place{Slot{slot}, index};
    return std::nullopt;
  }
  template <class Condition>
  bool until(Condition condition, int seconds = 10) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  bool stands(const std::string& code) {
    for (const Reason& reason : service->status().reasons)
      if (reason.code == code) return true;
    return false;
  }

  TempFolder folder;
  Config config;
  boost::asio::io_context loop;
  std::optional<StateDirectory> directory;
  std::optional<SpoolDirectory> spool;
  FakeFleet* fleet = nullptr;
  FakeTail* tail = nullptr;
  std::function<void(Generation)> generation_used;
  bool stopped = false;
  std::map<uint16_t, std::map<EntryIndex, AddEntry>> served;
  std::unique_ptr<Service> service;
};

}  // namespace e2k::supervisor
