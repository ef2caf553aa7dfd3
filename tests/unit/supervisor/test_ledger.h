// A slot's ledger that the test fills in as a worker would.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

#include "common/fd.h"
#include "proto/ledger_reader.h"

namespace e2k::supervisor {

class TestLedger {
public:
  static constexpr uint32_t kLines = 64;

  // The file lives in memory alone.
  TestLedger(Slot slot, Generation generation, uint32_t lines = kLines)
      : file_(::memfd_create("ledger", MFD_CLOEXEC)), lines_(lines) {
    const size_t bytes = sizeof(ledger::Header) + lines_ * sizeof(ledger::Entry);
    if (::ftruncate(file_.get(), static_cast<off_t>(bytes)) != 0) throw std::runtime_error("no memory");
    void* base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (base == MAP_FAILED) throw std::runtime_error("no memory");
    base_ = static_cast<std::byte*>(base);
    header().magic = ledger::kMagic;
    header().format_version = ledger::kFormatVersion;
    header().slot = slot.value;
    header().generation = generation.value;
    header().entry_capacity = lines_;
    header().entries_offset = sizeof(ledger::Header);
    header().exit_code = -1;
    auto opened = ledger::LedgerReader::open("/proc/self/fd/" + std::to_string(file_.get()), slot);
    if (!opened) throw std::runtime_error(opened.error().message);
    reader_.emplace(std::move(*opened));
  }
  TestLedger(const TestLedger&) = delete;
  ~TestLedger() { ::munmap(base_, sizeof(ledger::Header) + lines_ * sizeof(ledger::Entry)); }

  ledger::Header& header() { return *reinterpret_cast<ledger::Header*>(base_); }
  // Made where it is not yet there.
  ledger::Entry& line(EntryIndex index) {
    if (index.value >= lines_) throw std::out_of_range("the test's ledger has no such line");
    header().entries_used = std::max(header().entries_used.load(), index.value + 1);
    return reinterpret_cast<ledger::Entry*>(base_ + sizeof(ledger::Header))[index.value];
  }
  // As a worker's that begins with its predecessor's books.
  void take_over(TestLedger& before) {
    for (uint32_t i = 0; i < before.header().entries_used.load(); ++i) {
      const ledger::Entry& from = before.line(EntryIndex{i});
      ledger::Entry& to = line(EntryIndex{i});
      to.ca.appended = from.ca.appended.load();
      to.ca.last_stamp = from.ca.last_stamp.load();
      to.publisher.held = from.publisher.held.load();
      to.publisher.acknowledged = from.publisher.acknowledged.load();
      to.publisher.last_event_hash = from.publisher.last_event_hash.load();
    }
    header().holds_used = before.header().holds_used.load();
  }
  const ledger::LedgerReader& reader() const { return *reader_; }

private:
  UniqueFd file_;
  uint32_t lines_;
  std::byte* base_ = nullptr;
  std::optional<ledger::LedgerReader> reader_;
};

}  // namespace e2k::supervisor
