#include "worker/data_path.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/log.h"
#include "worker/publish/converters.h"
#include "worker/publish/publisher.h"
#include "worker/spool/doorbell.h"
#include "worker/spool/intake.h"
#include "worker/spool/ledger.h"
#include "worker/spool/predecessor.h"
#include "worker/spool/spool.h"

namespace e2k::worker {

// In the order in which they need each other; they go in the opposite one.
struct DataPath::Parts {
  std::unique_ptr<ledger::Ledger> books;
  std::unique_ptr<spool::Spool> spool;
  std::unique_ptr<Doorbell> bell;
  std::unique_ptr<SpoolIntake> intake;
  std::unique_ptr<Publisher> publisher;
};

namespace {

using Failure = tl::unexpected<StartFailure>;

Failure failure(WorkerExit exit, const Error& error) {
  return Failure(StartFailure{exit, error.message});
}

PublisherOptions publisher_options(const LaunchContract& c) {
  PublisherOptions o;
  o.properties = c.producer;
  o.stamps = {c.timestamp, c.max_future_s, c.max_past_s, c.connection_events};
  o.topic_prefix = c.topic_prefix;
  o.stamp_header = c.stamp_header;
  o.paused = c.paused;
  return o;
}

spool::SpoolOptions spool_options(const LaunchContract& c) {
  spool::SpoolOptions o;
  o.directory = c.spool_path;
  o.slot = c.slot;
  o.generation = c.generation;
  o.max_bytes = static_cast<uint64_t>(std::max<int64_t>(0, c.spool_max_bytes));
  o.keep_free_bytes = static_cast<uint64_t>(std::max<int64_t>(0, c.spool_keep_free_bytes));
  o.max_event_bytes = static_cast<uint64_t>(std::max<int64_t>(0, c.max_event_bytes));
  o.bytes_elsewhere = bytes_of_older_logs(c);
  return o;
}

void record_exit(ledger::Header& books, WorkerExit exit, std::string_view reason) {
  const size_t bytes = std::min(reason.size(), sizeof books.exit_reason - 1);
  std::memcpy(books.exit_reason, reason.data(), bytes);
  books.exit_reason[bytes] = 0;
  books.exit_code.store(static_cast<int32_t>(exit), std::memory_order_release);
}

}  // namespace

tl::expected<std::unique_ptr<DataPath>, StartFailure> DataPath::start(const LaunchContract& contract) {
  auto predecessor = repair_predecessor(contract);
  if (!predecessor) return failure(WorkerExit::try_again, predecessor.error());
  auto parts = std::make_unique<Parts>();
  // The books come first: they tell why the worker could not begin.
  auto books = ledger::Ledger::create(contract.ledger_path, contract.slot, contract.generation);
  if (!books) return failure(WorkerExit::try_again, books.error());
  parts->books = std::move(*books);
  const auto give_up = [&](WorkerExit exit, const Error& error) {
    worker::record_exit(parts->books->header(), exit, error.message);
    return failure(exit, error);
  };
  // Its sums have been taken over, and nothing waits: the log has served.
  if (*predecessor) remove_log_of_predecessor(**predecessor);
  auto bell = Doorbell::create();
  if (!bell) return give_up(WorkerExit::try_again, bell.error());
  parts->bell = std::move(*bell);
  auto converters = make_converters(contract, *parts->bell);
  if (!converters) return give_up(WorkerExit::bad_settings, converters.error());
  auto log = spool::Spool::create(spool_options(contract), parts->books->header());
  if (!log) return give_up(WorkerExit::try_again, log.error());
  parts->spool = std::move(*log);
  parts->intake = std::make_unique<SpoolIntake>(*parts->spool, *parts->books, *parts->bell,
                                                converters->value->takes_errors());
  auto publisher = Publisher::create(publisher_options(contract), *parts->spool, *parts->books,
                                     *parts->intake, *parts->bell, std::move(*converters));
  if (!publisher) {
    (void)parts->spool->remove_log();  // it is empty
    return give_up(WorkerExit::bad_settings, publisher.error());
  }
  parts->publisher = std::move(*publisher);
  return std::unique_ptr<DataPath>(new DataPath(std::move(parts)));
}

DataPath::DataPath(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
DataPath::~DataPath() = default;

Intake& DataPath::intake() {
  return *parts_->intake;
}
Publishing& DataPath::publishing() {
  return *parts_->publisher;
}
ledger::Header& DataPath::books() {
  return parts_->books->header();
}

bool DataPath::stop(MonotonicNs deadline) {
  const bool drained = parts_->publisher->stop(deadline);
  if (!drained) {
    log::warn("drain_incomplete waiting={}", parts_->publisher->waiting());
    return false;
  }
  if (auto removed = parts_->spool->remove_log(); !removed)
    log::warn("spool_not_removed reason={}", log::quoted(removed.error().message));
  return true;
}

void DataPath::record_exit(WorkerExit exit, std::string_view reason) {
  worker::record_exit(parts_->books->header(), exit, reason);
}

}  // namespace e2k::worker
