// Shell. The rows of Header::holds, as CA's side writes them: which entries are held (ledger_format.h).
//
// CA's side takes free rows and says what becomes of them; the publisher carries that out and frees them.
// `changed` counts what CA's side did. Everything here runs on the *ca* thread.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "common/clock.h"
#include "common/ids.h"
#include "proto/ledger_format.h"
#include "worker/ca_event.h"

namespace e2k::worker {

class Holds {
public:
  explicit Holds(ledger::Header& header);

  // From now on the entry is held; true too where it is. false: there is no row left.
  bool begin(EntryIndex index, MonotonicNs now);
  bool is_held(EntryIndex index) const { return rows_.contains(index.value); }
  // What is held from behind `after` on goes out. false: it is not held.
  bool release(EntryIndex index, const EventIdentity& after, MonotonicNs now);
  // Nothing of it goes out: somebody else published it. false: it is not held.
  bool discard(EntryIndex index, MonotonicNs now);

private:
  bool end(EntryIndex index, ledger::HoldState how, const EventIdentity& after, MonotonicNs now);

  ledger::Header& header_;
  std::unordered_map<uint32_t, uint32_t> rows_;  // of what is held, by index
  uint32_t next_ = 0;                            // where a free one is looked for first
};

}  // namespace e2k::worker
