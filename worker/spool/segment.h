// Shell. One segment file, reserved on its file system and mapped for writing; see proto/spool_format.h.
//
// Every byte is reserved before a segment is handed out, so that writing to it never raises SIGBUS; the first
// part is faulted in as well, and populate() goes ahead of the writer, so that writing does not wait for the
// disk either. What is not written to costs no memory, and what was read can be let go. A segment is owned by
// one log; it has no lock: data is written by the appender, the settlement map and the Use by the publisher,
// the header by who makes or reuses it, who populates it too. write_out() may be called by anybody at any
// time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// What the publisher knows of a segment, in memory only.
struct SegmentUse {
  uint64_t read_upto = 0;                 // units; what stands before it has been counted
  uint64_t settled_upto = 0;              // units; no settlement stands behind it
  uint64_t waiting_from = 0;              // units; what stands before it is settled
  uint32_t events = 0;                    // read, EVENT and ERROR
  uint32_t settled = 0;                   // of them
  uint32_t busy = 0;                      // of them: in flight, or held back for a while by who publishes
  bool complete = false;                  // read to its end
  bool damaged = false;                   // it ends where it can't be read any more
  int64_t look_again_at_ns = 0;           // nothing of it could be moved elsewhere; monotonic
  std::vector<const void*> stuck_topics;  // then: whose records remained in it
  std::vector<uint64_t> busy_units;

  bool done() const { return complete && settled == events; }
};

class Segment {
public:
  // `data_bytes` is rounded up to whole pages. The file exists under its final name when this returns.
  // Errors name the path and what the system said.
  static Result<std::unique_ptr<Segment>> create(const std::string& directory, const LogIdentity& identity,
                                                 uint64_t number, uint64_t data_bytes);
  // An existing file of whatever origin: everything in its header is checked against the file's size and
  // name.
  static Result<std::unique_ptr<Segment>> open(const std::string& directory, uint64_t number);
  // Whether the file is one that was just being made, or used again, when its process died: nobody's segment.
  static bool is_unfinished(const std::string& directory, uint64_t number);
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment();

  // Makes an empty segment with another number of it. Nobody may look at it meanwhile.
  Result<void> reuse(uint64_t number);
  Result<void> remove();
  const std::string& directory() const { return directory_; }
  // Faults in data up to `unit` with its part of the map, as far as it is not yet.
  void populate(uint64_t unit);
  // Gives back the memory through which the data of these units is seen, whole pages of it. The data stays in
  // its file: who reads it again pays a page fault.
  void let_go(uint64_t from_unit, uint64_t upto_unit);
  // Likewise, of what is faulted in from that unit on.
  void let_go_from(uint64_t unit);
  // Gives back the disk that was reserved for data behind `unit`, whole pages of it, which hold no record and
  // never will. How many bytes; 0 where the file system can't.
  uint64_t trim(uint64_t unit);
  // Blocks until the header and the data of these units, with the word behind them, are on the disk.
  Result<void> write_out(uint64_t from_unit, uint64_t upto_unit) const;

  // May be asked by who writes it out while it is used again.
  uint64_t number() const { return number_.load(std::memory_order_relaxed); }
  uint64_t units() const { return units_; }
  std::byte* data() const { return data_; }
  // As far as it can be read.
  SegmentView view() const { return {number(), data_, readable_units_}; }
  // Nothing behind `unit` is a record: what stands there is damaged.
  void cut(uint64_t unit) { readable_units_ = unit; }
  // What it takes of the disk.
  uint64_t file_bytes() const { return bytes_ - trimmed_bytes_; }
  const SegmentHeader& header() const { return *static_cast<const SegmentHeader*>(base_); }
  RecordHeader& record(uint64_t unit) const {
    return *reinterpret_cast<RecordHeader*>(data_ + unit * kUnitBytes);
  }
  // Settlement byte of the record that begins at `unit`. Written by one thread at a time.
  uint8_t settlement(uint64_t unit) const { return settlements_[unit]; }
  uint8_t& settlement_byte(uint64_t unit) {
    if (unit >= use_.settled_upto) use_.settled_upto = unit + 1;
    return settlements_[unit];
  }

  SegmentUse& use() { return use_; }
  const SegmentUse& use() const { return use_; }
  bool is_busy(uint64_t unit) const {
    return use_.busy != 0 && (use_.busy_units[unit / 64] >> (unit % 64) & 1) != 0;
  }
  void set_busy(uint64_t unit) {
    if (use_.busy_units.empty()) use_.busy_units.resize((units_ + 63) / 64);
    use_.busy_units[unit / 64] |= uint64_t{1} << (unit % 64);
    ++use_.busy;
  }
  void clear_busy(uint64_t unit) {
    use_.busy_units[unit / 64] &= ~(uint64_t{1} << (unit % 64));
    --use_.busy;
  }
  bool is_of_this_boot(const std::array<uint8_t, 16>& boot_id) const { return identity_.boot_id == boot_id; }

  static std::string file_name(uint64_t number);
  // Nothing where the name is not a segment's.
  static std::optional<uint64_t> number_of(std::string_view file_name);
  static uint64_t file_bytes_for(uint64_t data_bytes);

private:
  Segment() = default;
  void write_header(const LogIdentity& identity, uint64_t data_offset);
  int fault_in_upto(uint64_t unit);  // an errno
  void publish_number(uint64_t number);

  std::string directory_;
  LogIdentity identity_;
  void* base_ = nullptr;
  uint64_t bytes_ = 0;
  std::byte* data_ = nullptr;
  uint8_t* settlements_ = nullptr;
  uint64_t units_ = 0;
  uint64_t readable_units_ = 0;
  uint64_t trimmed_bytes_ = 0;
  std::atomic<uint64_t> number_{0};
  uint64_t populated_unit_ = 0;
  SegmentUse use_;
};

}  // namespace e2k::spool
