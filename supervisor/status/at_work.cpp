#include "supervisor/status/at_work.h"

#include <fmt/format.h>

namespace e2k::supervisor {

const char* name_of(ledger::Thread thread) {
  switch (thread) {
    case ledger::Thread::ca_callback:
      return "ca_callback";
    case ledger::Thread::ca:
      return "ca";
    case ledger::Thread::publish:
      return "publish";
    case ledger::Thread::link:
      return "link";
    case ledger::Thread::spool:
      return "spool";
  }
  return "a thread";  // of a newer version
}

std::string at_work_text(const Obituary& worker, const Book& book, const CommandState& commands) {
  std::string text;
  for (const AtWork& one : worker.at_work) {
    const auto id = book.entry_at({worker.slot, one.entry});
    const auto entry = id ? commands.find(*id) : std::nullopt;
    if (!text.empty()) text += "; ";
    text += entry ? fmt::format("{}: {}/{}", name_of(one.thread), entry->topic, entry->channel)
                  : fmt::format("{}: line {} of no entry", name_of(one.thread), one.entry.value);
  }
  return text;
}

}  // namespace e2k::supervisor
