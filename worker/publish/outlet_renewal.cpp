// The end of a producer and the beginning of its successor.
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

void Outlet::producer_died(Carrier& carrier, const std::string& why) {
  if (std::exchange(carrier.dead, true)) return;
  // The first time at once: the topic that was the cause is on trial from now on.
  if (now_ns_ - carrier.renewed_at_ns > 2 * options_.longest_back_off_ns) carrier.back_off_ns = 0;
  carrier.renew_at_ns = now_ns_ + carrier.back_off_ns;
  carrier.back_off_ns =
      std::clamp(carrier.back_off_ns * 2, options_.first_back_off_ns, options_.longest_back_off_ns);
  log::warn("producer.ended lane={} number={} reason={}", name_of(carrier.lane), carrier.number,
            log::quoted(why));
  if (error_.text().empty()) error_.set(why);
}

bool Outlet::is_renewing() const {
  const auto is_between = [](const Carrier& carrier) { return carrier.renewal.step != Renewal::Step::none; };
  return is_between(careful_) || std::any_of(main_.begin(), main_.end(), is_between);
}

// Of certificates that were replaced, and one that gave up. Where no other can be made, this one goes on.
void Outlet::replace_outdated(Carrier& carrier) {
  if (!carrier.producer) return;
  if (!carrier.renewal.is_asked_for()) {
    carrier.abandoned = carrier.producer->watch().is_abandoned(carrier.table.size() != 0);
    if (carrier.producer->login().take_outdated() || carrier.abandoned) make_elsewhere(carrier);
    return;
  }
  if (!carrier.renewal.is_made()) return;
  const std::string files = carrier.producer->login().certificates();
  if (!carrier.renewal.made()) {
    const auto made = carrier.renewal.take();
    log::error(
        "certificates.not_used lane={} number={} files={} reason={} remedy=\"they are read when they change "
        "again\"",
        name_of(carrier.lane), carrier.number, log::quoted(files), log::quoted(made.error().message));
    error_.set("Local: SSL error: the changed files can't be used: " + made.error().message);
    return;
  }
  if (carrier.abandoned)
    log::warn("producer.abandoned lane={} number={} records={} reason=\"it tried no broker any more\"",
              name_of(carrier.lane), carrier.number, carrier.table.size());
  else
    log::info("certificates.replaced lane={} number={} files={}", name_of(carrier.lane), carrier.number,
              log::quoted(files));
  carrier.dead = true;
  carrier.renew_at_ns = now_ns_;
  renew(carrier);
}

// Every topic begins in the careful lane. librdkafka forgets none, and searches all of them for each that an
// answer names: with missing topics among thousands that is half a core.
void Outlet::replace_outgrown() {
  looked_at_topics_ns_ = now_ns_;
  if (careful_.dead || careful_.table.size() != 0 || careful_.renewal.is_asked_for()) return;
  const auto needless = std::count_if(careful_.with_handles.begin(), careful_.with_handles.end(),
                                      [](const Topic* topic) { return topic->flow.lane == Lane::main; });
  if (static_cast<size_t>(needless) <= options_.topics_kept_in_mind) return;
  careful_.dead = true;
  careful_.renew_at_ns = now_ns_;
  renew(careful_);
}

// What had not been sent comes back first, what was sent is waited for, and then given up: it goes out again,
// and where the broker had stored it, it is there twice.
void Outlet::renew(Carrier& carrier) {
  using Step = Renewal::Step;
  Renewal& r = carrier.renewal;
  const auto waits = [&] { return carrier.table.size() != 0 && now_ns_ < r.until_ns; };
  if (r.step == Step::none) {
    if (!r.is_asked_for()) make_elsewhere(carrier);
    // None: the last renewal could not make one.
    if (carrier.producer) carrier.producer->purge(Producer::Purge::queued);
    r.step = Step::unsent;
    r.until_ns = now_ns_ + options_.last_answers_ns;
    r.began_at_ns = now_ns_;
    serve(carrier);
  }
  if (r.step == Step::unsent) {
    if (waits()) return;
    ledger::bump(header_.republished, carrier.table.size());
    if (carrier.producer) carrier.producer->purge(Producer::Purge::everything);
    r.step = Step::sent;
    r.until_ns = now_ns_ + kPurgeNs;
    serve(carrier);
  }
  if (r.step == Step::sent) {
    if (waits()) return;
    give_up_in_flight(carrier);
    close_producer(carrier);
    r.step = Step::closing;
  }
  if (!r.is_closed() || !r.is_made()) return;
  r.step = Step::none;
  if (auto opened = open(carrier, r.take()); !opened) {
    log::error(
        "producer.not_renewed lane={} number={} reason={} remedy=\"it is tried again; events wait in the "
        "spool\"",
        name_of(carrier.lane), carrier.number, log::quoted(opened.error().message));
    error_.set(opened.error().message);
    carrier.renew_at_ns = now_ns_ + options_.longest_back_off_ns;
    return;
  }
  carrier.dead = false;
  carrier.renewed_at_ns = now_ns_;
  log::info("producer.renewed lane={} number={} took_ms={}", name_of(carrier.lane), carrier.number,
            (now_ns_ - r.began_at_ns) / kNsPerMs);
}

// What no report came for.
void Outlet::give_up_in_flight(Carrier& carrier) {
  carrier.table.for_each([&](InFlight& row) {
    const InFlight what = row;
    row.topic = nullptr;
    --in_flight_;
    in_flight_bytes_ -= what.bytes;
    what.topic->in_flight_bytes -= what.bytes;
    if (what.record.segment != nullptr) what.record.segment->clear_busy(what.record.unit);
    const FlowOutcome outcome = step(*what.topic, {FlowEvent::failed, now_ns_, Failure::returned});
    listener_.came_back(*what.topic, what, outcome);
  });
  carrier.table = {};
}

void Outlet::close_producer(Carrier& carrier) {
  forget_handles(carrier);
  std::unique_ptr<MetadataProbe> probe;
  if (carrier.lane == Lane::careful) probe = std::exchange(probe_, nullptr);
  carrier.renewal.close(std::move(probe), std::move(carrier.producer), bell_);
}

}  // namespace e2k::worker
