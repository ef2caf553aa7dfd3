#include "worker/data_path.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "common/log.h"
#include "worker/publish/converters.h"
#include "worker/publish/publisher.h"
#include "worker/spool/doorbell.h"
#include "worker/spool/intake.h"
#include "worker/spool/ledger.h"
#include "worker/spool/live_log.h"
#include "worker/spool/names_book.h"
#include "worker/spool/recovery.h"
#include "worker/spool/slot_folders.h"

namespace e2k::worker {

// In the order in which they need each other; they go in the opposite one.
struct DataPath::Parts {
  std::vector<std::unique_ptr<ledger::Ledger>> books;  // our own slot's first
  std::unique_ptr<names::NamesBook> names;
  std::unique_ptr<spool::LiveLog> log;
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
  o.outlet.properties = c.producer;
  o.stamps = {c.timestamp, c.max_future_s, c.max_past_s, c.connection_events};
  o.stamp_header = c.stamp_header;
  o.paused = c.paused;
  o.held = c.held_channels;
  return o;
}

std::string spool_folder(const LaunchContract& c) {
  return std::filesystem::path(c.spool_path).parent_path().string();
}

spool::LiveLogOptions log_options(const LaunchContract& c) {
  spool::LiveLogOptions o;
  o.spool = spool_folder(c);
  o.directory = c.spool_path;
  o.slot = c.slot;
  o.generation = c.generation;
  o.max_bytes = static_cast<uint64_t>(std::max<int64_t>(0, c.spool_max_bytes));
  o.keep_free_bytes = static_cast<uint64_t>(std::max<int64_t>(0, c.spool_keep_free_bytes));
  o.max_event_bytes = static_cast<uint64_t>(std::max<int64_t>(0, c.max_event_bytes));
  o.drop_newest = c.when_full == WhenFull::drop_newest;
  o.sync_interval_ms = c.spool_sync_interval_ms;
  return o;
}

// What the slot's logs and books are, made true where a process died over them.
Result<void> make_true(const std::string& spool, const spool::SlotFolders& folders, ledger::Ledger& books) {
  if (books.is_kept())
    return fail("the worker before this one (pid " + std::to_string(books.header().pid) +
                ") still runs; it leaves when it has drained, or when its lease is over");
  books.keep();  // recovery takes its time
  auto recovered = spool::recover(spool, folders, books);
  if (!recovered) {
    books.let_go();
    return tl::unexpected(recovered.error());
  }
  if (const uint64_t waiting = ledger::waiting_of(books.header()); waiting != 0 || !folders.logs.empty())
    log::info("predecessor.found slot={} logs={} waiting={}", books.header().slot, folders.logs.size(),
              waiting);
  return {};
}

// `nobody_appends`: the books were there and say that nobody does any more. Where they were removed a worker
// may still be at work on these logs.
Result<FeedParts> feed_parts(const LaunchContract& c, Slot slot, const spool::SlotFolders& folders,
                             ledger::Ledger& books, bool nobody_appends) {
  FeedParts parts;
  parts.slot = slot;
  parts.books = &books;
  parts.flight = &books.header().flight[static_cast<size_t>(ledger::Thread::publish)];
  parts.topic_prefix = c.topic_prefix;
  parts.min_interval_ns = c.min_interval_ms * kNsPerMs;
  parts.drop_newest = c.when_full == WhenFull::drop_newest;
  const std::string spool = spool_folder(c);
  for (const spool::LogFolder& folder : folders.logs) {
    auto log = spool::Log::open(spool, folder.path, folder.generation.value);
    if (!log) return tl::unexpected(log.error());
    if (nobody_appends) (*log)->drop_unused();
    parts.older.push_back(std::move(*log));
  }
  spool::AsideLogs::Options options;
  options.spool = spool;
  options.identity = {slot, c.generation, spool::read_boot_id()};
  options.max_bytes =
      spool::AsideLogs::part_of(static_cast<uint64_t>(std::max<int64_t>(0, c.spool_max_bytes)));
  auto aside = spool::AsideLogs::open(options);
  if (!aside) return tl::unexpected(aside.error());
  parts.aside = std::move(*aside);
  return parts;
}

// Of a slot that no worker serves any more.
Result<std::unique_ptr<ledger::Ledger>> open_books_of(const Estate& estate, const spool::SlotFolders& folders,
                                                      const std::string& spool, Generation ours) {
  std::error_code error;
  if (!std::filesystem::exists(estate.ledger_path, error)) {
    const Generation last = folders.logs.empty() ? ours : folders.logs.back().generation;
    auto made = ledger::Ledger::create(estate.ledger_path, estate.slot, last);
    if (made) (*made)->header().unreconciled.store(1);
    return made;
  }
  auto books = ledger::Ledger::open_for_repair(estate.ledger_path);
  if (!books) return books;
  if (auto made = make_true(spool, folders, **books); !made) return tl::unexpected(made.error());
  (*books)->keep();
  return books;
}

void record_exit(ledger::Header& books, WorkerExit exit, std::string_view reason) {
  const size_t bytes = std::min(reason.size(), sizeof books.exit_reason - 1);
  std::memcpy(books.exit_reason, reason.data(), bytes);
  books.exit_reason[bytes] = 0;
  books.exit_code.store(static_cast<int32_t>(exit), std::memory_order_release);
}

// The slots' logs that are to be published beside our own. One that can't be opened now is told and left for
// the next start.
void add_estates(const LaunchContract& c, std::vector<FeedParts>& feeds,
                 std::vector<std::unique_ptr<ledger::Ledger>>& books) {
  const std::string spool = spool_folder(c);
  for (const Estate& estate : c.estates) {
    const auto tell = [&](const Error& error) {
      log::error("estate.not_drained slot={} reason={}", estate.slot.value, log::quoted(error.message));
    };
    auto folders = spool::find_slot_folders(spool, estate.slot);
    if (!folders) {
      tell(folders.error());
      continue;
    }
    const bool has_logs = !folders->logs.empty() || folders->aside_logs != 0;
    std::error_code error;
    if (!has_logs && !std::filesystem::exists(estate.ledger_path, error)) continue;
    const bool had_books = std::filesystem::exists(estate.ledger_path, error);
    auto its_books = open_books_of(estate, *folders, spool, c.generation);
    // What waits by books whose logs somebody has removed is found to be lost.
    if (!has_logs && its_books && ledger::waiting_of((*its_books)->header()) == 0) {
      (*its_books)->let_go();
      continue;
    }
    auto parts = its_books ? feed_parts(c, estate.slot, *folders, **its_books, had_books)
                           : Result<FeedParts>(tl::unexpected(its_books.error()));
    if (!parts) {
      // The supervisor takes who is named there for who drains it.
      if (its_books) (*its_books)->let_go();
      tell(parts.error());
      continue;
    }
    log::info("estate.found slot={} logs={}", estate.slot.value, folders->logs.size());
    books.push_back(std::move(*its_books));
    feeds.push_back(std::move(*parts));
  }
}

}  // namespace

tl::expected<std::unique_ptr<DataPath>, StartFailure> DataPath::start(const LaunchContract& contract) {
  const std::string spool = spool_folder(contract);
  auto folders = spool::find_slot_folders(spool, contract.slot);
  if (!folders) return failure(WorkerExit::try_again, folders.error());
  std::error_code error;
  // Books that can't be read count for nothing.
  bool known = false;
  if (std::filesystem::exists(contract.ledger_path, error)) {
    auto before = ledger::Ledger::open_for_repair(contract.ledger_path);
    known = before && (*before)->header().slot == contract.slot.value;
    if (known)
      if (auto made = make_true(spool, *folders, **before); !made)
        return failure(WorkerExit::try_again, made.error());
  }
  auto parts = std::make_unique<Parts>();
  // The books come first: they tell why the worker could not begin.
  auto books = ledger::Ledger::create(
      contract.ledger_path, contract.slot, contract.generation, ledger::kMaxEntries,
      contract.fresh_books ? ledger::Ledger::Lines::begun_anew : ledger::Ledger::Lines::carried_over);
  if (!books) return failure(WorkerExit::try_again, books.error());
  parts->books.push_back(std::move(*books));
  ledger::Header& header = parts->books.front()->header();
  const auto give_up = [&](WorkerExit exit, const Error& why) {
    worker::record_exit(header, exit, why.message);
    return failure(exit, why);
  };
  if (!known && (!folders->logs.empty() || folders->aside_logs != 0)) header.unreconciled.store(1);
  auto bell = Doorbell::create();
  if (!bell) return give_up(WorkerExit::try_again, bell.error());
  parts->bell = std::move(*bell);
  auto converters = make_converters(contract, *parts->bell);
  if (!converters) return give_up(WorkerExit::bad_settings, converters.error());
  spool::LiveLogOptions options = log_options(contract);
  if (auto judged = spool::LiveLog::judge(options); !judged)
    return give_up(WorkerExit::bad_settings, judged.error());
  auto names = names::NamesBook::open_with_copy(names::path_of_book(contract), names::path_of_copy(contract),
                                                contract.slot);
  if (!names) return give_up(WorkerExit::try_again, names.error());
  parts->names = std::move(*names);
  options.sync_first = [book = parts->names.get()] { return book->sync(); };
  auto log = spool::LiveLog::create(options, header);
  if (!log) return give_up(WorkerExit::try_again, log.error());
  parts->log = std::move(*log);
  parts->intake = std::make_unique<SpoolIntake>(*parts->log, *parts->books.front(), *parts->bell,
                                                converters->value->takes_errors(), parts->names.get());
  const auto give_up_with_log = [&](WorkerExit exit, const Error& why) {
    (void)parts->log->remove_log();  // it is empty
    return give_up(exit, why);
  };
  std::vector<FeedParts> feeds;
  auto own = feed_parts(contract, contract.slot, *folders, *parts->books.front(), known);
  if (!own) return give_up_with_log(WorkerExit::try_again, own.error());
  own->live = parts->log.get();
  own->intake = parts->intake.get();
  feeds.push_back(std::move(*own));
  add_estates(contract, feeds, parts->books);
  if (auto problem = Producer::judge(contract.producer); !problem)
    return give_up_with_log(WorkerExit::bad_settings, problem.error());
  auto publisher =
      Publisher::create(publisher_options(contract), std::move(feeds), *parts->bell, std::move(*converters));
  if (!publisher) return give_up_with_log(WorkerExit::try_again, publisher.error());
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
  return parts_->books.front()->header();
}

bool DataPath::stop(MonotonicNs deadline) {
  const bool drained = parts_->publisher->stop(deadline);
  if (!drained) {
    log::warn("drain.incomplete waiting={}", ledger::waiting_of(books()));
    return false;
  }
  if (auto removed = parts_->log->remove_log(); !removed)
    log::warn("spool.not_removed reason={}", log::quoted(removed.error().message));
  return true;
}

void DataPath::record_exit(WorkerExit exit, std::string_view reason) {
  worker::record_exit(parts_->books.front()->header(), exit, reason);
}

}  // namespace e2k::worker
