// A process dies while its feed moves records aside, drops, drains older logs and gives back what is settled.
#include <gtest/gtest.h>

#include "tests/property/spool/crash_world.h"
#include "tests/unit/publish/plain_converters.h"
#include "worker/publish/feed.h"
#include "worker/spool/slot_folders.h"

namespace e2k::worker {
namespace {

// What is odd can't be expressed and is lost: the one settlement that needs no broker.
class EvenEncoder : public ValueEncoder {
public:
  bool encode(const EventView& event, Buffer& out) override {
    if (event.is_error) {
      out.append(event.error);
      return true;
    }
    double v;
    std::memcpy(&v, event.value.data(), sizeof v);
    out.append("x");
    return static_cast<long>(v) % 2 == 0;
  }
};

// Of topic0 only: the others are blocked.
class IdsOfOne : public SchemaIds {
public:
  std::optional<int32_t> id_for(const std::string& topic) override {
    return topic == "topic0" ? std::optional<int32_t>(1) : std::nullopt;
  }
  uint64_t news() const override { return 0; }
  std::string problem() const override { return ""; }
};

// A feed of the world's slot, without a broker: a topic is on trial with its first record and takes no other.
class Feeding : private Outlet::Listener {
public:
  Feeding(LogUnderTest& log, const std::string& folder, uint32_t generation, uint64_t aside_bytes)
      : composer_(Converters{std::make_unique<EvenEncoder>(), std::make_unique<RawKey>(),
                             std::make_unique<IdsOfOne>(), nullptr},
                  StampRules{}, false) {
    OutletOptions options;
    options.properties["bootstrap.servers"] = "127.0.0.1:1";
    options.properties["log_level"] = "0";
    outlet_ = must(Outlet::create(options, log.books->header(), *log.bell, *this));
    FeedParts parts;
    parts.books = log.books.get();
    for (uint32_t older = 1; older < generation; ++older)
      parts.older.push_back(
          must(spool::Log::open(folder, spool::log_folder(folder, Slot{0}, Generation{older}), older)));
    spool::AsideLogs::Options aside;
    aside.spool = folder;
    aside.max_bytes = aside_bytes;
    aside.largest_data_bytes = 16u << 10;
    parts.aside = must(spool::AsideLogs::open(aside));
    parts.live = log.live.get();
    parts.intake = log.intake.get();
    feed_ = std::make_unique<Feed>(std::move(parts), *outlet_, composer_);
  }
  // Its clock goes on, but not so far that it takes the silence for an outage.
  void turn() {
    now_ns_ += kNsPerMs;
    feed_->begin_turn(now_ns_, now_ns_);
    outlet_->serve_reports(now_ns_);
    feed_->tend_topics();
    feed_->follow();
    feed_->tidy();
  }
  Feed& feed() { return *feed_; }

private:
  void came_back(Topic& topic, const InFlight& what, const FlowOutcome& outcome) override {
    feed_->came_back(topic, what, outcome);
  }
  void why_changed(Topic& topic) override {
    if (feed_) feed_->why_changed(topic);
  }

  Composer composer_;
  std::unique_ptr<Outlet> outlet_;
  std::unique_ptr<Feed> feed_;
  int64_t now_ns_ = monotonic_now().value;
};

TEST(FeedCrash, moving_aside_and_giving_back) {
  die_everywhere({[](CrashWorld& world) {
                    world.told.settles_untold = true;
                    Feeding feeding(world.log, world.folder, 1, 1u << 20);
                    for (int i = 0; i < 3; ++i) {
                      world.append(0);
                      world.append(2);
                      world.append(1);
                      world.append(3, 120);
                      for (int n = 0; n < 75; ++n) world.append(3, 100);
                    }
                    for (int n = 0; n < 75; ++n) world.append(3, 100);
                    world.trace();
                    for (int i = 0; i < 8; ++i) feeding.turn();
                    world.finish();
                  },
                  80, false, 12});
}

TEST(FeedCrash, dropping_of_what_blocked_topics_have_no_room_for) {
  die_everywhere({[](CrashWorld& world) {
                    world.told.settles_untold = true;
                    Feeding feeding(world.log, world.folder, 1, 90'000);
                    world.append(0);
                    for (int n = 0; n < 250; ++n) world.append(2 + static_cast<uint32_t>(n) % 2, 100);
                    world.trace();
                    for (int i = 0; i < 8; ++i) feeding.turn();
                    const auto dropped = static_cast<size_t>(ledger::LossReason::dropped_oldest);
                    if (world.log.books->header().lost_spooled[dropped].load() == 0)
                      throw std::runtime_error("nothing was dropped");
                    world.finish();
                  },
                  60, false, 12});
}

TEST(FeedCrash, draining_of_an_older_log) {
  die_everywhere({[](CrashWorld& world) {
                    world.told.settles_untold = true;
                    for (int n = 0; n < 70; ++n) world.append(static_cast<uint32_t>(n) % 4, 100);
                    auto options = small_spool(world.folder);
                    options.generation = Generation{2};
                    options.directory = world.folder + "/0.2";
                    LogUnderTest next(world.folder, options);
                    Feeding feeding(next, world.folder, 2, 1u << 20);
                    world.trace();
                    for (int i = 0; i < 6; ++i) feeding.turn();
                    world.finish();
                  },
                  80});
}

}  // namespace
}  // namespace e2k::worker
