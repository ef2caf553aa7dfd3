// Shell. A log in a temporary folder with its ledger and intake, for tests.
#pragma once

#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "worker/spool/intake.h"
#include "worker/spool/log_reader.h"
#include "worker/spool/settler.h"

namespace e2k::worker {

class TemporaryFolder {
public:
  explicit TemporaryFolder(const std::filesystem::path& in = std::filesystem::temp_directory_path()) {
    std::string path = (in / "e2k-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = path;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

inline spool::LiveLogOptions small_spool(const std::string& folder) {
  spool::LiveLogOptions o;
  o.spool = folder;
  o.directory = folder + "/0.1";
  o.slot = Slot{0};
  o.generation = Generation{1};
  o.max_bytes = 4u << 20;
  o.max_event_bytes = 16384;
  o.segment_bytes = 65536;
  return o;
}

// A scalar double, as libca hands it over.
struct DoubleEvent {
  explicit DoubleEvent(double v) : value(v) {}
  operator CaEvent() const& {  // NOLINT: an event is what it is
    return CaEvent{6, 0, 0, 1'000'000'000, 5, 1, std::as_bytes(std::span(&value, 1))};
  }
  double value;
};

struct LogUnderTest {
  explicit LogUnderTest(const std::string& folder) : LogUnderTest(folder, small_spool(folder)) {}
  LogUnderTest(const std::string& folder, const spool::LiveLogOptions& options)
      : books(must(ledger::Ledger::create(folder + "/ledger", options.slot, options.generation, 4096))),
        live(must(spool::LiveLog::create(options, books->header()))),
        bell(must(Doorbell::create())),
        intake(std::make_unique<SpoolIntake>(*live, *books, *bell)) {}

  IntakeEntry& open(uint32_t index, const std::string& topic = "t", const std::string& channel = "c",
                    const std::string& key = "") {
    IntakeEntry* entry = intake->open_entry(EntryIndex{index}, EntrySpec{topic, channel, Mask{1}, key}, 0);
    if (entry == nullptr) throw std::runtime_error("entry refused");
    return *entry;
  }

  // The live log's, from its beginning.
  spool::LogReader reader() {
    spool::LogReader reader(live->log(), false);
    reader.seek({});
    return reader;
  }

  // Segments that lie before the reader are given back, as if all in them were settled.
  void give_back_before(const spool::LogReader& reader) {
    while (spool::Segment* first = live->log().first()) {
      if (first->number() >= reader.position().segment()) return;
      live->give_back(live->log().take(first->number()));
    }
  }

  std::unique_ptr<ledger::Ledger> books;
  std::unique_ptr<spool::LiveLog> live;
  std::unique_ptr<Doorbell> bell;
  std::unique_ptr<SpoolIntake> intake;
};

}  // namespace e2k::worker
