#include "supervisor/ctl/blocked.h"

#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor::ctl {

std::optional<ledger::Blocked> blocked_named(std::string_view word) {
  using ledger::Blocked;
  for (const Blocked why :
       {Blocked::no_topic, Blocked::not_authorised, Blocked::no_leader, Blocked::encoder, Blocked::silent})
    if (word == to_string(why)) return why;
  return std::nullopt;
}

std::string blocked_words(std::string_view word) {
  const auto why = blocked_named(word);
  return why ? cause_of(*why) : "takes nothing: " + std::string(word);
}

}  // namespace e2k::supervisor::ctl
