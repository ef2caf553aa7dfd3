// Shell. One segment file, reserved on its file system and mapped for writing; see proto/spool_format.h.
//
// Every byte is reserved and faulted in before a segment is handed out, so that writing to it neither waits
// for the disk nor raises SIGBUS. A segment is owned by one Spool (or by who opened it); it has no lock: data
// is written by the appender, the settlement map by the publisher, the header by who makes or reuses it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "common/ids.h"
#include "common/result.h"
#include "proto/spool_format.h"
#include "worker/spool/record.h"

namespace e2k::spool {

// Whose log it is.
struct LogIdentity {
  Slot slot;
  Generation generation;
  std::array<uint8_t, 16> boot_id{};
};
// This boot's id; all zero where the kernel does not tell.
std::array<uint8_t, 16> read_boot_id();

class Segment {
public:
  // `data_bytes` is rounded up to whole pages. The file exists under its final name when this returns.
  static Result<std::unique_ptr<Segment>> create(const std::string& directory, const LogIdentity& identity,
                                                 uint64_t number, uint64_t data_bytes);
  // An existing file of whatever origin: everything in its header is checked against the file's size and
  // name.
  static Result<std::unique_ptr<Segment>> open(const std::string& directory, uint64_t number);
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment();

  // Makes an empty segment with another number of it. Nobody may look at it meanwhile.
  Result<void> reuse(uint64_t number);
  Result<void> remove();

  uint64_t number() const { return number_; }
  uint64_t units() const { return units_; }
  std::byte* data() const { return data_; }
  SegmentView view() const { return {number_, data_, units_}; }
  uint64_t file_bytes() const { return bytes_; }
  const SegmentHeader& header() const { return *static_cast<const SegmentHeader*>(base_); }
  RecordHeader& record(uint64_t unit) const {
    return *reinterpret_cast<RecordHeader*>(data_ + unit * kUnitBytes);
  }
  // Settlement byte of the record that begins at `unit`. Written by one thread at a time.
  uint8_t settlement(uint64_t unit) const { return settlements_[unit]; }
  uint8_t& settlement_byte(uint64_t unit) { return settlements_[unit]; }

  static std::string file_name(uint64_t number);
  static uint64_t file_bytes_for(uint64_t data_bytes);

private:
  Segment() = default;
  void write_header(const LogIdentity& identity, uint64_t data_offset);
  void publish_number(uint64_t number);

  std::string directory_;
  LogIdentity identity_;
  void* base_ = nullptr;
  uint64_t bytes_ = 0;
  std::byte* data_ = nullptr;
  uint8_t* settlements_ = nullptr;
  uint64_t units_ = 0;
  uint64_t number_ = 0;
};

}  // namespace e2k::spool
