#include "supervisor/fleet/obituary.h"

#include <string.h>
#include <sys/wait.h>

#include <utility>

#include "proto/launch.h"

namespace e2k::supervisor {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

const char* meaning(int exit_code) {
  switch (exit_code) {
    case int(WorkerExit::done):
      return "drained";
    case int(WorkerExit::not_launched):
      return "found no launch contract";
    case int(WorkerExit::try_again):
      return "a resource was missing";
    case int(WorkerExit::protocol):
      return "is of another release than the supervisor";
    case int(WorkerExit::bad_settings):
      return "refused its settings";
    case int(WorkerExit::lease_lapsed):
      return "heard nothing of its supervisor";
    default:
      return "";
  }
}

}  // namespace

const char* to_string(ExitCause cause) {
  switch (cause) {
    case ExitCause::none:
      return "none";
    case ExitCause::crash:
      return "crash";
    case ExitCause::exit:
      return "exit";
    case ExitCause::hang:
      return "hang";
    case ExitCause::requested:
      return "request";
    case ExitCause::launch_failed:
      return "launch";
  }
  return "?";
}

int end_by_books(const ledger::Header& header) {
  if (const int code = header.exit_code.load(); code >= 0) return (code & 0xff) << 8;
  if (const int signal = header.crashed.load() >> 8; signal != 0) return signal & 0x7f;
  return kEndNotKnown;
}

std::string how_it_ended(int wait_status, std::string_view words) {
  std::string text;
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    text = "signal " + std::to_string(signal);
    if (const char* name = ::sigabbrev_np(signal)) text += std::string(" (SIG") + name + ")";
    if (WCOREDUMP(wait_status)) text += ", core dumped";
  } else if (wait_status == kEndNotKnown) {
    text = "ended, how is not known: an earlier supervisor started it";
  } else {
    const int code = WEXITSTATUS(wait_status);
    text = "exit " + std::to_string(code);
    if (*meaning(code) != '\0') text += std::string(": ") + meaning(code);
  }
  if (!words.empty()) text.append(" (").append(words).append(")");
  return text;
}

std::string last_words(const ledger::Header& header) {
  if (header.exit_code.load(std::memory_order_acquire) < 0) return "";
  return std::string(header.exit_reason, ::strnlen(header.exit_reason, sizeof header.exit_reason));
}

std::vector<AtWork> at_work(const ledger::Header& header) {
  std::vector<AtWork> threads;
  for (uint32_t i = 0; i < ledger::kThreads; ++i) {
    const ledger::FlightWord& word = header.flight[i];
    const uint64_t entry = word.entry_plus_one.load(kRelaxed);
    // A worker that wrote over its ledger may have left anything here.
    if (entry == 0 || entry > ledger::kMaxEntries) continue;
    const auto thread = static_cast<ledger::Thread>(i);
    AtWork one{thread, EntryIndex{static_cast<uint32_t>(entry - 1)}};
    if (thread == ledger::Thread::publish) {
      one.position = word.position.load(kRelaxed);
      one.log = word.log.load(kRelaxed);
    }
    threads.push_back(one);
  }
  return threads;
}

Obituary obituary_of(Slot slot, Generation generation, ExitCause cause, std::string how,
                     std::optional<int> wait_status, const ledger::Header* header) {
  Obituary obituary{slot, generation, cause, std::nullopt, std::move(how), {}};
  if (wait_status && WIFSIGNALED(*wait_status)) obituary.signal = WTERMSIG(*wait_status);
  // A flight word of who left by itself was left behind by a thread that was no longer waited for.
  if (!obituary.signal || header == nullptr) return obituary;
  obituary.at_work = at_work(*header);
  const uint32_t crashed = header->crashed.load(std::memory_order_acquire) & UINT8_MAX;
  if (crashed != 0)
    std::erase_if(obituary.at_work,
                  [&](const AtWork& one) { return static_cast<uint32_t>(one.thread) + 1 != crashed; });
  return obituary;
}

}  // namespace e2k::supervisor
