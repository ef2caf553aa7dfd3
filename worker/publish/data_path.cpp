#include "worker/publish/data_path.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "common/log.h"
#include "worker/encode/encoder.h"
#include "worker/publish/publisher.h"
#include "worker/spool/doorbell.h"
#include "worker/spool/intake.h"
#include "worker/spool/ledger.h"
#include "worker/spool/recovery.h"
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
  o.timestamp = c.timestamp;
  o.max_future_s = c.max_future_s;
  o.topic_prefix = c.topic_prefix;
  return o;
}

std::filesystem::path log_of(const LaunchContract& c, uint32_t generation) {
  const std::string name = std::to_string(c.slot.value) + "." + std::to_string(generation);
  return std::filesystem::path(c.spool_path).parent_path() / name;
}

// What a predecessor that was killed left in doubt is made true before its sums are taken over. Its log is
// the neighbour of ours; where it is gone, nothing waited in it. The answer: its folder, if nothing waits in
// it. A predecessor that still runs (its supervisor was killed, and the next one has told it to leave) is the
// only one who may touch either: we come back later.
Result<std::optional<std::filesystem::path>> repair_predecessor(const LaunchContract& c) {
  std::error_code error;
  if (!std::filesystem::exists(c.ledger_path, error)) return std::nullopt;
  auto books = ledger::Ledger::open_for_repair(c.ledger_path);
  if (!books || (*books)->header().slot != c.slot.value) return std::nullopt;
  if ((*books)->is_kept())
    return fail("the worker before this one (pid " + std::to_string((*books)->header().pid) +
                ") still runs; it leaves when it has drained, or when its lease is over");
  const auto folder = log_of(c, (*books)->header().generation);
  if (!std::filesystem::exists(folder, error)) return std::nullopt;
  auto recovered = spool::recover(folder.string(), **books);
  if (!recovered) {
    log::warn("predecessor_unreadable reason={}", log::quoted(recovered.error().message));
    return std::nullopt;
  }
  log::info("predecessor_found log={} waiting={} damaged={}", log::quoted(folder.string()),
            recovered->waiting, recovered->damaged);
  if (recovered->waiting != 0 || recovered->damaged) return std::nullopt;
  return folder;
}

// What logs of earlier generations of this slot still hold: it counts towards the slot's share.
uint64_t bytes_of_older_logs(const LaunchContract& c) {
  const auto own = std::filesystem::path(c.spool_path);
  const std::string prefix = std::to_string(c.slot.value) + ".";
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& folder : std::filesystem::directory_iterator(own.parent_path(), error)) {
    if (folder.path() == own || !folder.path().filename().string().starts_with(prefix)) continue;
    for (const auto& file : std::filesystem::directory_iterator(folder.path(), error)) {
      const uint64_t size = file.file_size(error);
      if (!error) bytes += size;
    }
  }
  return bytes;
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

}  // namespace

tl::expected<std::unique_ptr<DataPath>, StartFailure> DataPath::start(const LaunchContract& contract) {
  // What can be refused without a trace comes before what leaves files.
  auto value = make_value_encoder(contract.value_converter, contract.value_schema, contract.value_options);
  if (!value) return failure(WorkerExit::bad_settings, value.error());
  auto key = make_key_encoder(contract.key_converter, contract.key_options);
  if (!key) return failure(WorkerExit::bad_settings, key.error());

  auto predecessor = repair_predecessor(contract);
  if (!predecessor) return failure(WorkerExit::try_again, predecessor.error());
  auto parts = std::make_unique<Parts>();
  auto books = ledger::Ledger::create(contract.ledger_path, contract.slot, contract.generation);
  if (!books) return failure(WorkerExit::try_again, books.error());
  parts->books = std::move(*books);
  if (*predecessor) {
    // Its sums have been taken over, and nothing waits: the log has served.
    std::error_code error;
    std::filesystem::remove_all(**predecessor, error);
    if (error)
      log::warn("log_not_removed log={} reason={}", log::quoted((*predecessor)->string()),
                log::quoted(error.message()));
  }
  auto log = spool::Spool::create(spool_options(contract), parts->books->header());
  if (!log) return failure(WorkerExit::try_again, log.error());
  parts->spool = std::move(*log);
  auto bell = Doorbell::create();
  if (!bell) return failure(WorkerExit::try_again, bell.error());
  parts->bell = std::move(*bell);
  parts->intake = std::make_unique<SpoolIntake>(*parts->spool, *parts->books, *parts->bell);
  auto publisher = Publisher::create(publisher_options(contract), *parts->spool, *parts->books,
                                     *parts->intake, *parts->bell, std::move(*value), std::move(*key));
  if (!publisher) {
    (void)parts->spool->remove_log();  // it is empty
    return failure(WorkerExit::bad_settings, publisher.error());
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
  ledger::Header& books = parts_->books->header();
  const size_t bytes = std::min(reason.size(), sizeof books.exit_reason - 1);
  std::memcpy(books.exit_reason, reason.data(), bytes);
  books.exit_reason[bytes] = 0;
  books.exit_code.store(static_cast<int32_t>(exit), std::memory_order_release);
}

}  // namespace e2k::worker
