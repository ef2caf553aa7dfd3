#include "supervisor/fleet/worker_records.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "common/log.h"
#include "supervisor/fleet/contract_of.h"

namespace e2k::supervisor {
namespace {

constexpr std::string_view kSuffix = ".worker";

std::string record_path(const Config& config, Slot slot) {
  return ledger_folder(config) + "/" + std::to_string(slot.value) + std::string(kSuffix);
}

std::optional<Slot> slot_of(const std::string& name) {
  uint16_t slot = 0;
  const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), slot);
  if (wrong != std::errc{} || std::string_view(end) != kSuffix) return std::nullopt;
  return Slot{slot};
}

Result<WorkerRecord> read_record(const Config& config, Slot slot) {
  std::ifstream in(record_path(config, slot), std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  auto record = parse_worker_record(text);
  if (record && record->slot != slot) return fail("it is another slot's");
  return record;
}

}  // namespace

void keep_record(const Config& config, const WorkerRecord& record) {
  const std::string path = record_path(config, record.slot), temporary = path + ".new";
  const std::string text = to_text(record);
  UniqueFd out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (out && ::write(out.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      std::rename(temporary.c_str(), path.c_str()) == 0)
    return;
  log::warn(
      "worker.record_not_kept worker={} path={} error={} message=\"the next supervisor can't take this "
      "worker "
      "over; the runtime directory must have room and be writable\"",
      record.slot.value, log::quoted(path), log::quoted(std::strerror(errno)));
  ::unlink(temporary.c_str());
  ::unlink(path.c_str());
}

void remove_record(const Config& config, Slot slot, Generation generation) {
  const auto record = read_record(config, slot);
  if (!record || record->generation == generation) ::unlink(record_path(config, slot).c_str());
}

std::vector<FoundWorker> find_workers(const Config& config) {
  std::vector<FoundWorker> found;
  std::error_code error;
  std::filesystem::directory_iterator file(ledger_folder(config), error);
  std::vector<Slot> slots;
  for (; !error && file != std::filesystem::directory_iterator(); file.increment(error))
    if (const auto slot = slot_of(file->path().filename().string())) slots.push_back(*slot);
  std::sort(slots.begin(), slots.end());
  for (const Slot slot : slots) {
    auto record = read_record(config, slot);
    if (!record)
      log::warn("worker.record_unreadable path={} error={}", log::quoted(record_path(config, slot)),
                log::quoted(record.error().message));
    auto process = record ? find_process(record->pid, record->start_ticks) : std::nullopt;
    if (process) {
      found.push_back({std::move(*record), std::move(*process)});
    } else {
      ::unlink(record_path(config, slot).c_str());
    }
  }
  return found;
}

}  // namespace e2k::supervisor
