// Pure. An entry as it is shown, from what is commanded and from its lines in mapped ledgers.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/clock.h"
#include "proto/ledger_reader.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/control/model.h"
#include "supervisor/status/channel_reason.h"

namespace e2k::supervisor {

// Of an entry whose worker lives and has this line for it.
ShownState shown_state_of(const ledger::Entry& line);

// `line`: one of the reader's.
ChannelFacts channel_facts(const ledger::LedgerReader& reader, const ledger::Entry& line);

EventCounts event_counts(const ledger::Entry& line);
// `asked`: "ip:port", or "ip" for any port.
bool is_at_host(std::string_view host, std::string_view asked);
// No event for so long, or never one.
bool is_silent(const ledger::Entry& line, double seconds, RealNs now);

// What its command says, and why it is not connected.
EntryView entry_view(const EntryRef& entry, ShownState state, const ChannelFacts& channel);
// Adds what was counted in one of its lines; the latest gap and loss of all are shown.
void add_line(EntryView& view, const ledger::Entry& line);
// Adds what its present worker says of it. `schema_words`: that worker's, of its registry.
void add_present(EntryView& view, const ledger::Entry& line, const std::string& schema_words, RealNs now);

}  // namespace e2k::supervisor
