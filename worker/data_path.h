// Shell. The whole data path of a worker, from the launch contract: ledger, spool, intake, publisher.
//
// start() makes them in that order, before anything of Channel Access runs; the returned object is owned by
// main and outlives everything that holds an Intake or Publishing of it. Orderly end: clear all
// subscriptions, then stop(); then record_exit(); then destroy. Threads that it starts: spool (keeper),
// publish, metadata, and librdkafka's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "proto/launch.h"
#include "proto/ledger_format.h"
#include "worker/intake.h"
#include "worker/publish/publishing.h"

namespace e2k::worker {

// Why a worker's data path can't begin, and the code to exit with.
struct StartFailure {
  WorkerExit exit = WorkerExit::bad_settings;
  std::string message;
};

class DataPath {
public:
  static tl::expected<std::unique_ptr<DataPath>, StartFailure> start(const LaunchContract& contract);
  DataPath(const DataPath&) = delete;
  DataPath& operator=(const DataPath&) = delete;
  ~DataPath();

  Intake& intake();
  Publishing& publishing();
  ledger::Header& books();

  // Blocks until Kafka has everything or the deadline is over; nothing may be appended any more. true:
  // nothing waits, and the log's folder has been removed. false: it stays for a successor.
  bool stop(MonotonicNs deadline);
  // Why the worker leaves, for who reads the ledger afterwards. May be called at any time, also without
  // stop().
  void record_exit(WorkerExit exit, std::string_view reason);

private:
  struct Parts;
  explicit DataPath(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace e2k::worker
