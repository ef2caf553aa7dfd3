#include "supervisor/slot_books.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "common/log.h"
#include "common/process_use.h"
#include "proto/names_reader.h"
#include "supervisor/fleet/contract_of.h"

namespace e2k::supervisor {
namespace {

// Slots that have a ledger, whether anything else of them is there or not.
std::vector<Slot> slots_with_ledgers(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<Slot> slots;
  std::error_code error;
  fs::directory_iterator file(folder, error);
  for (; !error && file != fs::directory_iterator(); file.increment(error)) {
    const std::string name = file->path().filename().string();
    uint16_t slot = 0;
    const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), slot);
    if (wrong == std::errc{} && std::string_view(end) == ".ledger") slots.push_back(Slot{slot});
  }
  if (error && error != std::errc::no_such_file_or_directory)
    log::warn("ledgers.unreadable folder={} error={}", log::quoted(folder), log::quoted(error.message()));
  std::sort(slots.begin(), slots.end());
  return slots;
}

}  // namespace

SlotBooks::SlotBooks(const Config& config, const SpoolDirectory& spool) : config_(config), spool_(spool) {
  for (uint16_t i = 0; i < config.workers.count; ++i) served_.insert(Slot{i});
}

Result<SpoolSurvey> SlotBooks::open(Lines& lines) {
  put_back_names();
  auto survey = spool_.survey();
  if (!survey) return survey;
  seen_ = survey->slots;
  lines.expect(names_in(*survey));
  for (const auto& [slot, spool] : survey->slots) {
    if (!spool.names) continue;
    if (auto read = read_names(slot, lines); !read) return tl::unexpected(read.error());
  }
  for (const std::string& path : survey->strangers)
    log::warn(
        "spool.stranger path={} message=\"it does not belong into spool.directory and is left alone; "
        "move it elsewhere\"",
        log::quoted(path));
  find_gone(*survey);
  return survey;
}

// By the books' headers: no record is read. About so many, where names have come and gone.
size_t SlotBooks::names_in(const SpoolSurvey& survey) const {
  constexpr uint64_t kBehindAll = uint64_t{1} << 62;
  size_t names = 0;
  for (const auto& [slot, spool] : survey.slots) {
    if (!spool.names) continue;
    const auto book = names::read_book(
        names_path(config_, slot), slot, [](EntryIndex, const names::Name&) {}, kBehindAll);
    if (book) names += book->next_index;
  }
  return names;
}

// Where the spool was removed while the ledger is there: its lines are still what the names say.
void SlotBooks::put_back_names() const {
  namespace fs = std::filesystem;
  for (const Slot slot : slots_with_ledgers(ledger_folder(config_))) {
    const std::string book = names_path(config_, slot), copy = names_copy_path(config_, slot);
    std::error_code error;
    if (fs::exists(book, error) || !fs::exists(copy, error)) continue;
    fs::create_directories(fs::path(book).parent_path(), error);
    fs::copy_file(copy, book, error);
    if (error)
      log::warn("names.not_put_back path={} error={}", log::quoted(book), log::quoted(error.message()));
    else
      log::warn("names.put_back path={} message=\"the book of names was gone; its copy takes its place\"",
                log::quoted(book));
  }
}

Result<void> SlotBooks::read_names(Slot slot, Lines& lines) {
  const auto book =
      names::read_book(names_path(config_, slot), slot, [&](EntryIndex index, const names::Name& name) {
        lines.learn(slot, index, name.topic, name.channel, name.key);
      });
  if (!book) return tl::unexpected(book.error());
  lines.begin_at(slot, book->next_index);
  names_end_[slot] = book->end;
  return {};
}

void SlotBooks::find_gone(const SpoolSurvey& survey) {
  std::set<Slot> slots;
  for (const auto& [slot, spool] : survey.slots)
    if (spool.logs) slots.insert(slot);
  for (const Slot slot : slots_with_ledgers(ledger_folder(config_))) slots.insert(slot);
  for (const Slot slot : slots)
    if (!is_served(slot)) take_for_gone(slot);
}

void SlotBooks::take_for_gone(Slot slot) {
  GoneSlot& gone = gone_[slot];
  gone.slot = slot;
  gone.heir = next_heir();
  gone.logs = has_logs(slot);
  follow(gone);
  if (gone.logs)
    log::info("slot.gone slot={} heir={} message=\"no worker serves it any more; its heir drains its logs\"",
              slot.value, gone.heir.value);
}

// None of those that are there to drain a slot that failed: they leave when they have.
Slot SlotBooks::next_heir() {
  std::vector<Slot> heirs;
  for (const Slot slot : served_)
    if (std::ranges::none_of(loans_, [slot](const auto& loan) { return loan.second == slot; }))
      heirs.push_back(slot);
  return heirs.at(heirs_named_++ % heirs.size());
}

void SlotBooks::enter(Slot slot, Lines& lines) {
  served_.insert(slot);
  gone_.erase(slot);
  // Now and not when its worker greets: lines are given before.
  reread_.insert(slot);
  if (::access(names_path(config_, slot).c_str(), F_OK) != 0) return;
  lines.forget(slot);
  if (auto read = read_names(slot, lines); !read)
    log::error("names.unreadable error={}", log::quoted(read.error().message));
}

void SlotBooks::leave(Slot slot) {
  if (served_.size() < 2 || served_.erase(slot) == 0) return;
  reread_.erase(slot);
  loans_.erase(slot);  // as a gone slot it has an heir
  if (auto survey = spool_.survey()) seen_ = std::move(survey->slots);
  take_for_gone(slot);
  for (auto& [number, gone] : gone_)
    if (gone.heir == slot) {
      gone.heir = next_heir();
    }
}

void SlotBooks::lend(Slot failed, Slot drainer) {
  loans_[failed] = drainer;
  if (auto survey = spool_.survey()) seen_ = std::move(survey->slots);
}

bool SlotBooks::is_free(Slot slot) const {
  if (is_served(slot)) return false;
  const auto gone = gone_.find(slot);
  if (gone == gone_.end()) return true;
  // Who drains it keeps its books until it has.
  return !gone->second.logs && !is_kept(gone->second) &&
         (!gone->second.ledger || ledger::waiting_of(gone->second.ledger->header()) == 0);
}

// A ledger that was made anew is another file.
void SlotBooks::follow(GoneSlot& gone) const {
  const std::string path = ledger_path(config_, gone.slot);
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return;  // what is mapped still holds the figures
  const std::pair<uint64_t, uint64_t> file{info.st_dev, info.st_ino};
  if (gone.ledger && file == gone.file) return;
  auto opened = ledger::LedgerReader::open(path, gone.slot);
  if (!opened) return;
  gone.ledger.emplace(std::move(*opened));
  gone.file = file;
}

void SlotBooks::refresh() {
  const bool any = std::any_of(gone_.begin(), gone_.end(), [](const auto& gone) { return gone.second.logs; });
  if (any || !loans_.empty())
    if (auto survey = spool_.survey()) seen_ = std::move(survey->slots);
  for (auto& [slot, gone] : gone_) {
    const bool had = std::exchange(gone.logs, has_logs(slot));
    follow(gone);
    if (had && !gone.logs) log::info("slot.drained slot={} heir={}", slot.value, gone.heir.value);
  }
}

void SlotBooks::look_for_drainers(const std::map<Slot, int32_t>& pids) {
  for (auto& [slot, gone] : gone_) {
    gone.is_kept = is_kept(gone);
    gone.drainer.reset();
    if (!gone.is_kept) continue;
    const int32_t keeper = gone.ledger->header().pid;
    const auto found = std::ranges::find(pids, keeper, [](const auto& one) { return one.second; });
    if (found == pids.end()) continue;  // a worker that nobody knows any more: it drains and ends
    gone.drainer = gone.heir = found->first;
  }
}

bool SlotBooks::is_kept(const GoneSlot& gone) {
  if (!gone.ledger) return false;
  const ledger::Header& header = gone.ledger->header();
  return header.pid > 0 && is_running(header.pid, header.process_start_ticks);
}

Fleet::LaunchExtras SlotBooks::launching(Slot slot, Lines& lines) {
  Fleet::LaunchExtras extras;
  auto survey = spool_.survey();
  if (!survey) {
    log::error("spool.unreadable error={}", log::quoted(survey.error().message));
    return extras;
  }
  seen_ = std::move(survey->slots);
  for (auto& [number, gone] : gone_) {
    gone.logs = has_logs(number);
    const bool owes = gone.ledger && ledger::waiting_of(gone.ledger->header()) != 0;
    if (gone.heir == slot && (gone.logs || owes) && !is_kept(gone))
      extras.estates.push_back(Estate{number, ledger_path(config_, number)});
  }
  for (const auto& [lent, drainer] : loans_)
    if (drainer == slot) extras.estates.push_back(Estate{lent, ledger_path(config_, lent)});
  const SlotSpool spool = seen_[slot];
  if (spool.logs || (spool.names && !worn_.contains(slot))) return extras;
  const std::string path = names_path(config_, slot);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    log::error("names.not_removed path={} error={}", log::quoted(path), log::quoted(std::strerror(errno)));
    return extras;
  }
  ::unlink(names_copy_path(config_, slot).c_str());
  lines.forget(slot);
  names_end_.erase(slot);
  worn_.erase(slot);
  reread_.insert(slot);  // nobody has written into it
  extras.fresh_books = true;
  return extras;
}

void SlotBooks::welcomed(Slot slot, const ledger::LedgerReader* own, Lines& lines) {
  if (reread_.insert(slot).second) {
    const auto book = names::read_book(
        names_path(config_, slot), slot, [](EntryIndex, const names::Name&) {}, names_end_[slot]);
    if (!book) log::error("names.unreadable error={}", log::quoted(book.error().message));
    if (book && book->end != names_end_[slot]) {
      lines.forget(slot);
      (void)read_names(slot, lines);
    }
  }
  // Lines that no book tells of, because it is lost or torn, keep what they stand for.
  if (own != nullptr) lines.begin_at(slot, own->entries_used());
}

const ledger::LedgerReader* SlotBooks::ledger_of_gone(Slot slot) const {
  const auto found = gone_.find(slot);
  return found == gone_.end() || !found->second.ledger ? nullptr : &*found->second.ledger;
}

bool SlotBooks::has_logs(Slot slot) const {
  const auto found = seen_.find(slot);
  return found != seen_.end() && found->second.logs;
}

}  // namespace e2k::supervisor
