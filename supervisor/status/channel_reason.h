// Pure. Why an entry's channel brings no events: the place where its chain is broken, at whom, and what to
// do.
#pragma once

#include <cstdint>
#include <string>

#include "proto/ledger_format.h"

namespace e2k::supervisor {

// What the ledger says of an entry's channel. Hosts as "ip:port"; "": none is known.
struct ChannelFacts {
  ledger::EntryState state = ledger::EntryState::pending;
  ledger::Step step = ledger::Step::none;
  uint16_t detail = 0;
  uint32_t elements = 0;  // native
  std::string host, also_host;
};

// "" where all is well.
std::string channel_reason(const ChannelFacts& facts);
// The number of an ECA status in words; its number where it is none of those that a server answers with.
std::string ca_error_text(uint16_t number);

}  // namespace e2k::supervisor
