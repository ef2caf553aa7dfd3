// Shell. A fleet whose workers are processes of tests/support/fleet/fake_worker.cpp, on a loop of its own.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <string>

#include "supervisor/fleet/fleet.h"
#include "tests/support/files/free_port.h"
#include "tests/support/files/temp_folder.h"

namespace e2k::supervisor {

class FleetFixture : public testing::Test {
protected:
  TempFolder folder;
  boost::asio::io_context loop;
  Config config;
  std::unique_ptr<Fleet> fleet;
  bool all_stopped = false;

  // `script`: what the workers are to do.
  void configure(const std::string& script, int count) {
    config.workers.count = count;
    config.workers.program = FAKE_WORKER;
    config.workers.drain_timeout_ms = 200;
    config.runtime_directory = folder / "run";
    config.spool.directory = folder / "spool";
    config.value.converter = script;
    config.epics["EPICS_CA_REPEATER_PORT"] = std::to_string(test::free_port());
  }
  template <class Condition>
  bool until(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      if (condition()) return true;
      loop.run_one_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  std::string applied_by(uint16_t slot, Generation generation) {
    return read_file(folder /
                     ("spool/" + std::to_string(slot) + "." + std::to_string(generation.value) + ".applied"));
  }
  void TearDown() override {
    if (!fleet) return;
    for (const auto& view : fleet->slots())
      if (view.state->pid != 0) kill(view.state->pid, SIGCONT);
    fleet->stop();
    EXPECT_TRUE(until([&] { return all_stopped; }, std::chrono::seconds(15)));
  }
};

}  // namespace e2k::supervisor
