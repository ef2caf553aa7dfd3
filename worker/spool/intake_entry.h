// Shell. What the SpoolIntake holds of an entry, beside its line in the ledger. Private to the intake's
// files.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "worker/intake.h"
#include "worker/spool/record_writer.h"

namespace e2k::worker {

inline constexpr auto kRelaxed = std::memory_order_relaxed;

using ledger::bump;

inline uint32_t unix_s(int64_t real_ns) {
  return static_cast<uint32_t>(std::max<int64_t>(0, real_ns) / kNsPerSecond);
}

// One block with its channel and key: a hundred thousand idle entries cost memory, not speed.
class IntakeEntry {
public:
  static std::unique_ptr<IntakeEntry> make(EntryIndex index, const std::string& topic,
                                           const EntrySpec& spec) {
    const size_t bytes = offsetof(IntakeEntry, text_) + spec.channel.size() + spec.key.size();
    void* memory = ::operator new(std::max(bytes, sizeof(IntakeEntry)));
    auto* entry = new (memory) IntakeEntry;
    entry->topic = &topic;
    entry->index = index.value;
    entry->channel_bytes = static_cast<uint16_t>(spec.channel.size());
    entry->key_bytes = static_cast<uint16_t>(spec.key.size());
    char* text = static_cast<char*>(memory) + offsetof(IntakeEntry, text_);
    std::memcpy(text, spec.channel.data(), spec.channel.size());
    std::memcpy(text + spec.channel.size(), spec.key.data(), spec.key.size());
    return std::unique_ptr<IntakeEntry>(entry);
  }
  // Its size is not the class's.
  static void operator delete(void* memory) { ::operator delete(memory); }

  spool::EntryNames names() const {
    return {*topic, {text_, channel_bytes}, {text_ + channel_bytes, key_bytes}};
  }

  const std::string* topic = nullptr;
  uint64_t described_in = 0;
  uint32_t index = 0;
  uint32_t untold_losses = 0;  // under the leaf lock: since the last record that told of them
  uint16_t host = 0;           // number from 1, 0: none; read under the leaf lock, changed under both
  bool awaits_first = true;    // under the leaf lock: the next event is a subscription's first
  uint16_t channel_bytes = 0, key_bytes = 0;
  char text_[1];  // the channel and the key, if it has one of its own; make() allocates what they take
};

}  // namespace e2k::worker
