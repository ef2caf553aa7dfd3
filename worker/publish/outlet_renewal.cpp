// The end of a lane's producer and the beginning of its successor.
#include <algorithm>
#include <utility>

#include "common/log.h"
#include "worker/publish/outlet.h"

namespace e2k::worker {
namespace {

constexpr int64_t kPurgeNs = kNsPerSecond;

const char* name_of(Lane lane) {
  return lane == Lane::main ? "main" : "careful";
}

}  // namespace

void Outlet::lane_died(Lane lane, const std::string& why) {
  LaneState& l = lanes_[static_cast<size_t>(lane)];
  if (std::exchange(l.dead, true)) return;
  // The first time at once: the topic that was the cause is on trial from now on.
  if (now_ns_ - l.renewed_at_ns > 2 * options_.longest_back_off_ns) l.back_off_ns = 0;
  l.renew_at_ns = now_ns_ + l.back_off_ns;
  l.back_off_ns = std::clamp(l.back_off_ns * 2, options_.first_back_off_ns, options_.longest_back_off_ns);
  log::warn("producer_ended lane={} reason={}", name_of(lane), log::quoted(why));
  if (error_.text().empty()) error_.set(why);
}

bool Outlet::is_renewing() const {
  return std::any_of(std::begin(lanes_), std::end(lanes_),
                     [](const LaneState& l) { return l.renewal.step != Renewal::Step::none; });
}

// Of certificates that were replaced. Where no producer can be made of them, this one goes on.
void Outlet::replace_outdated(Lane lane) {
  LaneState& l = lanes_[static_cast<size_t>(lane)];
  if (!l.producer) return;
  if (!l.renewal.is_asked_for()) {
    if (l.producer->login().take_outdated()) make_elsewhere(lane);
    return;
  }
  if (!l.renewal.is_made()) return;
  const std::string files = l.producer->login().certificates();
  if (!l.renewal.made()) {
    const auto made = l.renewal.take();
    log::error(
        "certificates_not_used lane={} files={} reason={} remedy=\"they are read when they change again\"",
        name_of(lane), log::quoted(files), log::quoted(made.error().message));
    error_.set("Local: SSL error: the changed files can't be used: " + made.error().message);
    return;
  }
  log::info("certificates_replaced lane={} files={}", name_of(lane), log::quoted(files));
  l.dead = true;
  l.renew_at_ns = now_ns_;
  renew(lane);
}

// What had not been sent comes back first, what was sent is waited for, and then given up: it goes out again,
// and where the broker had stored it, it is there twice.
void Outlet::renew(Lane lane) {
  using Step = Renewal::Step;
  LaneState& l = lanes_[static_cast<size_t>(lane)];
  Renewal& r = l.renewal;
  const auto waits = [&] { return l.table.size() != 0 && now_ns_ < r.until_ns; };
  if (r.step == Step::none) {
    if (!r.is_asked_for()) make_elsewhere(lane);
    // None: the last renewal could not make one.
    if (l.producer) l.producer->purge(Producer::Purge::queued);
    r.step = Step::unsent;
    r.until_ns = now_ns_ + options_.last_answers_ns;
    r.began_at_ns = now_ns_;
    serve(lane);
  }
  if (r.step == Step::unsent) {
    if (waits()) return;
    ledger::bump(header_.republished, l.table.size());
    if (l.producer) l.producer->purge(Producer::Purge::everything);
    r.step = Step::sent;
    r.until_ns = now_ns_ + kPurgeNs;
    serve(lane);
  }
  if (r.step == Step::sent) {
    if (waits()) return;
    give_up_in_flight(lane);
    close_producer(lane);
    r.step = Step::closing;
  }
  if (!r.is_closed() || !r.is_made()) return;
  r.step = Step::none;
  if (auto opened = open(lane, r.take()); !opened) {
    log::error(
        "producer_not_renewed lane={} reason={} remedy=\"it is tried again; events wait in the spool\"",
        name_of(lane), log::quoted(opened.error().message));
    error_.set(opened.error().message);
    l.renew_at_ns = now_ns_ + options_.longest_back_off_ns;
    return;
  }
  l.dead = false;
  l.renewed_at_ns = now_ns_;
  log::info("producer_renewed lane={} took_ms={}", name_of(lane), (now_ns_ - r.began_at_ns) / kNsPerMs);
}

// What no report came for.
void Outlet::give_up_in_flight(Lane lane) {
  LaneState& l = lanes_[static_cast<size_t>(lane)];
  l.table.for_each([&](InFlight& row) {
    const InFlight what = row;
    row.topic = nullptr;
    --in_flight_;
    in_flight_bytes_ -= what.bytes;
    what.topic->in_flight_bytes -= what.bytes;
    if (what.record.segment != nullptr) what.record.segment->clear_busy(what.record.unit);
    const FlowOutcome outcome = step(*what.topic, {FlowEvent::failed, now_ns_, Failure::returned});
    listener_.came_back(*what.topic, what, outcome);
  });
  l.table = {};
}

void Outlet::close_producer(Lane lane) {
  LaneState& l = lanes_[static_cast<size_t>(lane)];
  forget_handles(lane);
  std::unique_ptr<MetadataProbe> probe;
  if (lane == Lane::careful) probe = std::exchange(probe_, nullptr);
  l.renewal.close(std::move(probe), std::move(l.producer), bell_);
}

}  // namespace e2k::worker
