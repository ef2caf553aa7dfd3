#include "supervisor/fleet/adoption.h"

#include <fmt/format.h>

namespace e2k::supervisor {

bool is_ours(const Started* started, Generation generation) {
  return started != nullptr && started->runs && started->generation == generation;
}

Greeting judge(const Started* started, Generation generation, const Hello& hello) {
  if (!is_ours(started, generation)) return Greeting::not_started_here;
  if (hello.token != started->token || hello.slot != started->slot || hello.generation != generation)
    return Greeting::another_token;
  if (hello.conversation != started->conversation) return Greeting::earlier;
  return started->welcomed ? Greeting::repeated : Greeting::first;
}

const char* refusal(Greeting greeting) {
  switch (greeting) {
    case Greeting::first:
    case Greeting::repeated:
    case Greeting::earlier:
      return "";
    case Greeting::not_started_here:
      return "it was not started by this supervisor";
    case Greeting::another_token:
      return "its token is not the one it was started with";
  }
  return "";
}

std::string misfit(const ledger::LedgerReader* ledger, const Hello& hello) {
  if (hello.is_leaving) return "it is about to end";
  if (hello.control_version < kAdoptableControlVersion) return "it is of a release that can't be taken over";
  if (ledger == nullptr) return "its ledger can't be read";
  uint32_t assigned = 0;
  for (uint32_t i = 0; i < ledger->entries_used(); ++i) {
    const ledger::Entry* const line = ledger->entry(EntryIndex{i});
    if (line != nullptr && line->ca.assigned_mask.load(std::memory_order_relaxed) != 0) ++assigned;
  }
  if (assigned == hello.serves) return "";
  return fmt::format("its ledger says that it serves {} entries, itself {}", assigned, hello.serves);
}

std::string books_are_held_by(Generation generation, int32_t pid) {
  return fmt::format(
      "the slot's books are held by generation {}, pid {}, which an earlier supervisor started: it ends when "
      "it has drained, and this one begins then",
      generation.value, pid);
}

}  // namespace e2k::supervisor
