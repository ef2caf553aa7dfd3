#include "worker/spool/aside_log.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace e2k::spool {
namespace {

constexpr uint64_t kFirstDataBytes = 16u << 10;

}  // namespace

AsideLog::AsideLog(std::unique_ptr<Log> log, LogIdentity identity, std::string topic,
                   uint64_t largest_data_bytes)
    : log_(std::move(log)),
      identity_(identity),
      topic_(std::move(topic)),
      largest_data_bytes_(std::max(largest_data_bytes, kFirstDataBytes)),
      // Nobody else appends; where a former process stopped, reading goes on in the next segment.
      reader_(*log_, true),
      last_number_(log_->last_number()) {
  reader_.seek({});
}

uint64_t AsideLog::units_for(const RecordView& record, const EntryNames& names) const {
  const bool described = active_ != nullptr && described_.count(record.header->index) != 0;
  return record.units + (described ? 0 : names.units());
}

uint64_t AsideLog::next_data_bytes(uint64_t units) const {
  const uint64_t wanted = std::clamp(last_data_bytes_ * 2, kFirstDataBytes, largest_data_bytes_);
  return std::max(wanted, (units + 1) * kUnitBytes);
}

uint64_t AsideLog::growth_for(const RecordView& record, const EntryNames& names) const {
  const uint64_t units = units_for(record, names);
  if (active_ != nullptr && active_->units() - unit_ >= units) return 0;
  return Segment::file_bytes_for(next_data_bytes(record.units + names.units()));
}

uint64_t AsideLog::first_growth_for(const RecordView& record, const EntryNames& names) {
  return Segment::file_bytes_for(std::max(kFirstDataBytes, (record.units + names.units() + 1) * kUnitBytes));
}

Result<StandingRecord> AsideLog::move(Settler& settler, const StandingRecord& from, const RecordView& record,
                                      const EntryNames& names) {
  if (active_ == nullptr || active_->units() - unit_ < units_for(record, names)) {
    const uint64_t bytes = next_data_bytes(record.units + names.units());
    auto made = Segment::create(log_->directory(), identity_, last_number_ + 1, bytes);
    if (!made) return tl::unexpected(made.error());
    if (active_ != nullptr) end_segment(*active_, unit_);
    active_ = made->get();
    ++last_number_;
    last_data_bytes_ = bytes;
    unit_ = 0;
    described_.clear();
    log_->add(std::move(*made));
  }
  if (described_.insert(record.header->index).second) {
    describe(*active_, unit_, record.header->index, names);
    unit_ += names.units();
  }
  settler.announce_move(from, log_->id(), Position::at(active_->number(), unit_));
  copy_record(*active_, unit_, record);
  settler.finish_move(from);
  const StandingRecord to{log_.get(), active_, unit_};
  unit_ += record.units;
  // However far it was read before.
  active_->use().complete = false;
  return to;
}

void AsideLog::give_back(Segment& segment) {
  if (&segment == active_) active_ = nullptr;
  const uint64_t number = segment.number();
  const bool reader_is_there = reader_.segment() == &segment;
  auto taken = log_->take(number);
  if (taken->use().damaged) {
    log_->put_aside(std::move(taken), "a record in it does not hold together");
  } else if (auto removed = taken->remove(); !removed) {
    log::warn("segment.not_removed reason={}", log::quoted(removed.error().message));
  }
  if (reader_is_there) reader_.seek(Position::at(number + 1, 0));
}

}  // namespace e2k::spool
