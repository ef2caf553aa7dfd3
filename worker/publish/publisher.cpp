#include "worker/publish/publisher.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "worker/crash_mark.h"
#include "worker/publish/batching.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr int kLongestSleepMs = 1000;
constexpr int kTroubledSleepMs = 100;

}  // namespace

Publisher::Publisher(PublisherOptions options, Doorbell& bell, Converters converters)
    : options_(std::move(options)),
      bell_(bell),
      composer_(std::move(converters), options_.stamps, options_.stamp_header),
      paused_(options_.paused) {
  set_held(options_.held);
}

Result<std::unique_ptr<Publisher>> Publisher::create(PublisherOptions options, std::vector<FeedParts> feeds,
                                                     Doorbell& bell, Converters converters) {
  std::unique_ptr<Publisher> publisher(new Publisher(std::move(options), bell, std::move(converters)));
  publisher->intake_ = feeds.front().intake;
  publisher->header_ = &feeds.front().books->header();
  auto outlet = Outlet::create(publisher->options_.outlet, *publisher->header_, bell, *publisher);
  if (!outlet) return tl::unexpected(outlet.error());
  publisher->outlet_ = std::move(*outlet);
  for (FeedParts& parts : feeds)
    publisher->feeds_.push_back(
        std::make_unique<Feed>(std::move(parts), *publisher->outlet_, publisher->composer_));
  publisher->thread_ = std::thread([p = publisher.get()] { p->run(); });
  return publisher;
}

Publisher::~Publisher() {
  if (thread_.joinable()) stop(MonotonicNs{0});
}

// Of our own slot, all its logs together.
uint64_t Publisher::waiting() const {
  return drained_.load(std::memory_order_acquire) ? 0 : ledger::waiting_of(*header_);
}

void Publisher::set_paused(bool paused) {
  paused_.store(paused, kRelaxed);
  bell_.ring();
}

void Publisher::set_held(const std::string& channels) {
  const std::lock_guard lock(held_lock_);
  if (std::exchange(held_bytes_, channels) == channels) return;
  held_changed_.store(true, std::memory_order_release);
  bell_.ring();
}

void Publisher::set_spool_share(uint64_t bytes) {
  if (spool_share_.exchange(bytes, kRelaxed) == bytes) return;
  spool_share_changed_.store(true, std::memory_order_release);
  bell_.ring();
}

void Publisher::take_spool_share() {
  if (!spool_share_changed_.exchange(false, std::memory_order_acquire)) return;
  for (auto& feed : feeds_) feed->set_share(spool_share_.load(kRelaxed));
}

void Publisher::take_held() {
  if (!held_changed_.exchange(false, std::memory_order_acquire)) return;
  HeldChannels held;
  {
    const std::lock_guard lock(held_lock_);
    held = HeldChannels(held_bytes_);
  }
  for (auto& feed : feeds_) feed->hold(held);
}

bool Publisher::stop(MonotonicNs deadline) {
  stop_deadline_ns_.store(deadline.value, kRelaxed);
  stopping_.store(true, std::memory_order_release);
  bell_.ring();
  if (thread_.joinable()) thread_.join();
  return ledger::waiting_of(*header_) == 0;
}

Feed& Publisher::feed_of(const Topic& topic) {
  for (auto& feed : feeds_)
    if (feed->owns(topic)) return *feed;
  return *feeds_.front();
}

void Publisher::came_back(Topic& topic, const InFlight& what, const FlowOutcome& outcome) {
  feed_of(topic).came_back(topic, what, outcome);
}

void Publisher::why_changed(Topic& topic) {
  feed_of(topic).why_changed(topic);
}

void Publisher::run() {
  ::pthread_setname_np(::pthread_self(), "publish");
  work_as(ledger::Thread::publish);
  for (auto& feed : feeds_) feed->reconcile_if_needed(ledger::LossReason::spool_gone);
  for (;;) {
    const bool did_something = turn();
    turns_.store(turns_.load(kRelaxed) + 1, kRelaxed);
    // Looked at when there is nothing else to do: it asks every topic.
    drained_.store(!did_something && is_drained(), std::memory_order_release);
    if (stopping_.load(std::memory_order_acquire)) {
      if (drained_.load(kRelaxed) || monotonic_now().value >= stop_deadline_ns_.load(kRelaxed)) break;
    }
    idle_turns_ = did_something ? 0 : idle_turns_ + 1;
    if (!more_to_read_) rest();
  }
  for (auto& feed : feeds_) feed->tidy();
  outlet_->end();
}

bool Publisher::turn() {
  const int64_t now_ns = turn_began_ns_ = monotonic_now().value;
  const int64_t real_ns = real_now().value;
  more_to_read_ = held_back_ = false;
  for (auto& feed : feeds_) feed->begin_turn(now_ns, real_ns);
  take_held();
  take_spool_share();
  for (size_t i = 1; i < feeds_.size(); ++i) feeds_.front()->stand_behind(*feeds_[i]);
  bool busy = outlet_->serve_reports(now_ns);
  outlet_->tend(now_ns);
  MetadataProbe::Answer answer;
  if (outlet_->take_answer(answer))
    for (auto& feed : feeds_) feed->take_answer(answer);
  brokers_up_.store(outlet_->brokers_up(), kRelaxed);
  const uint64_t news = composer_.converters().news();
  const bool schemas_came = std::exchange(schema_news_seen_, news) != news;
  // What slots without a worker left is older than what we receive for their channels now.
  const bool estates_first = !std::all_of(feeds_.begin() + 1, feeds_.end(),
                                          [](const auto& feed) { return feed->is_read_through(); });
  for (auto& feed : feeds_) {
    const bool waits = estates_first && feed == feeds_.front();
    held_back_ |= waits;
    if (schemas_came) feed->take_schema_news();
    if (!paused_.load(kRelaxed) && !waits) {
      busy |= feed->tend_topics();
      busy |= feed->follow();
      busy |= feed->release_held(stopping_.load(kRelaxed));
      more_to_read_ |= feed->more_to_read();
      held_back_ |= feed->held_back();
    }
    feed->tidy();
  }
  drop_finished_feeds();
  return busy;
}

void Publisher::drop_finished_feeds() {
  for (size_t i = 1; i < feeds_.size();) {
    if (!feeds_[i]->is_finished()) {
      ++i;
      continue;
    }
    feeds_[i]->let_go();
    feeds_.erase(feeds_.begin() + static_cast<ptrdiff_t>(i));
  }
}

bool Publisher::is_drained() const {
  return std::all_of(feeds_.begin(), feeds_.end(), [](const auto& feed) { return feed->is_drained(); });
}

void Publisher::rest() {
  const bool paused = paused_.load(kRelaxed);
  // Reports and what is done elsewhere ring; the longest that they are waited for is short.
  if (outlet_->is_renewing()) return bell_.wait(2);
  if (paused || held_back_ || !outlet_->window_open() || outlet_->is_main_dead()) {
    // Only a report can help, and it rings, or time: there is more to read, so no sleep would be granted.
    bell_.wait(held_back_ && outlet_->window_open() ? 10 : 100);
    return;
  }
  if (idle_turns_ < options_.naps_before_sleep) {
    const uint64_t came = header_->produced.load(kRelaxed);
    const int64_t ns = nap_for(outlet_->nap_ns(), came - produced_before_, turn_began_ns_ - nap_began_ns_);
    produced_before_ = came;
    nap_began_ns_ = turn_began_ns_;
    const timespec nap{0, ns};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
    return;
  }
  const bool troubled =
      std::any_of(feeds_.begin(), feeds_.end(), [](const auto& feed) { return feed->has_troubled_topics(); });
  const auto position = feeds_.front()->live_position();
  if (!position || !intake_->announce_sleep(*position)) return;
  int sleep_ms = stopping_.load(kRelaxed) ? 10 : troubled ? kTroubledSleepMs : kLongestSleepMs;
  for (const auto& feed : feeds_)
    if (const auto due_ns = feed->next_due_ns())
      sleep_ms = static_cast<int>(std::clamp<int64_t>((*due_ns - real_now().value) / kNsPerMs, 1, sleep_ms));
  bell_.wait(sleep_ms);
}

}  // namespace e2k::worker
