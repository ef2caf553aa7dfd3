// The Channel Access side of a worker, with an Intake that keeps everything, for tests against real IOCs.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/ca/recording_intake.h"
#include "tests/support/ca/soft_ioc.h"
#include "worker/ca/ca_monitors.h"

namespace e2k::worker::test {

using namespace std::chrono_literals;
using e2k::test::free_port;
using e2k::test::search_by_name_server;
using e2k::test::search_on_loopback;
using e2k::test::SoftIoc;

inline Mask mask_of(std::string_view letters) {
  Mask mask;
  for (char c : letters)
    mask.bits = static_cast<uint8_t>(mask.bits | (c == 'v' ? Mask::kValue : Mask::kAlarm));
  return mask;
}

inline AddEntry add(uint32_t index, const std::string& channel, const char* mask = "va",
                    const std::string& topic = "topic") {
  return {EntryIndex{index}, EntrySpec{topic, channel, mask_of(mask), ""}, false, false};
}

class RealChannelAccess : public testing::Test {
protected:
  void start(int64_t never_connected_after_s = 5) {
    auto made = make_monitors({.never_connected_after_s = never_connected_after_s}, intake);
    ASSERT_TRUE(made) << made.error().message;
    monitors = std::move(*made);
  }
  void assign(std::vector<AssignItem> items) {
    monitors->post(++number, std::move(items));
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (monitors->applied() < number && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    ASSERT_EQ(monitors->applied(), number);
  }
  bool all_is_cleared(std::chrono::seconds patience = 5s) {
    monitors->clear_all();
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!monitors->cleared() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return monitors->cleared();
  }
  bool frames_reach(uint64_t count, std::chrono::seconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (monitors->search_frames_sent() < count && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    return monitors->search_frames_sent() >= count;
  }
  bool in_state(uint32_t index, ledger::EntryState state, std::chrono::milliseconds deadline = 10s) {
    return intake.wait(deadline, [&] { return intake.entry(index).state == state; });
  }
  // What stands there only a moment after the record that a test waits for: other threads write it.
  bool is_closed(uint32_t index) {
    return intake.wait(10s, [&] { return !intake.entry(index).open; });
  }
  bool has_flag(uint32_t index, uint32_t flag) {
    return intake.wait(10s, [&] { return (intake.entry(index).flags & flag) != 0; });
  }
  bool is_served_at(uint32_t index, uint16_t port) {
    return intake.wait(10s, [&] { return intake.entry(index).host == "127.0.0.1:" + std::to_string(port); });
  }
  // The values of an entry's events, errors left out.
  std::vector<double> values(uint32_t index) {
    std::vector<double> out;
    for (const Recorded& r : intake.records(index))
      if (!r.is_error) out.push_back(r.number());
    return out;
  }
  std::vector<std::string> errors(uint32_t index) {
    std::vector<std::string> out;
    for (const Recorded& r : intake.records(index))
      if (r.is_error) out.push_back(r.error);
    return out;
  }

  RecordingIntake intake;
  std::unique_ptr<CaMonitors> monitors;
  uint64_t number = 0;
};

}  // namespace e2k::worker::test
