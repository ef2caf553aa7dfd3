#include "worker/link/protocol.h"

#include <algorithm>

#include "common/time_grid.h"

namespace e2k::worker {
namespace {

// While batches are being applied or the log drains, the other threads are asked this often.
constexpr int64_t kBusyWaitMs = 2;
constexpr int64_t kDrainWaitMs = 10;

MonotonicNs after(MonotonicNs now, int64_t ms) {
  return MonotonicNs{now.value + ms * kNsPerMs};
}

struct Step {
  LinkState& s;
  const MonotonicNs now;
  const LinkFacts& facts;
  const LinkSettings& settings;
  std::vector<LinkAction> actions;

  void send(WorkerMessage message) { actions.emplace_back(SendMessage{std::move(message)}); }

  // In this conversation's numbers.
  uint64_t applied() const {
    return facts.applied_number > s.posted_before ? facts.applied_number - s.posted_before : 0;
  }
  int64_t lease_ms() const { return s.lease_ms > 0 ? s.lease_ms : settings.lease_ms; }
  int64_t drain_timeout_ms() const {
    return s.drain_timeout_ms > 0 ? s.drain_timeout_ms : settings.drain_timeout_ms;
  }

  void greet() {
    Hello hello = settings.hello;
    hello.conversation = s.conversation;
    hello.serves = facts.serves;
    hello.is_leaving = s.phase == LinkPhase::draining;
    s.asked = false;
    s.next_send = after(now, settings.hello_interval_ms);
    send(std::move(hello));
  }

  void heartbeat() {
    s.applied_told = applied();
    // Of all workers at one time: the supervisor wakes once.
    s.next_send = next_on_grid(now, settings.heartbeat_interval_ms * kNsPerMs);
    send(Heartbeat{applied(), facts.ca_turns, facts.publish_turns, facts.kafka_error, facts.brokers_up,
                   facts.schema_problem, facts.search.address_problem, facts.search.addresses,
                   facts.search.beacon_servers, facts.search.beacon_of});
  }

  void drain(WorkerExit exit, std::string reason, int64_t timeout_ms) {
    if (s.phase == LinkPhase::draining || s.phase == LinkPhase::left) return;
    s.phase = LinkPhase::draining;
    s.exit = exit;
    s.reason = std::move(reason);
    s.drain_deadline = after(now, timeout_ms);
    s.next_send = now;
    actions.emplace_back(ClearAll{});
  }

  void leave() {
    s.phase = LinkPhase::left;
    if (!facts.cleared) {
      s.reason += "; some subscriptions were still being cleared";
    } else if (facts.waiting_events != 0) {
      s.reason += "; " + std::to_string(facts.waiting_events) + " events stay in the spool";
    }
    send(Goodbye{facts.waiting_events});
    actions.emplace_back(Leave{s.exit, s.reason});
  }

  void take(Welcome& m) {
    if (s.phase != LinkPhase::greeting && s.phase != LinkPhase::regreeting) return;
    if (m.conversation != s.conversation) return;
    s.phase = LinkPhase::serving;
    s.posted_before += s.next_number - 1;
    s.next_number = 1;
    s.applied_told = 0;
    s.lease_ms = m.lease_s * 1000;
    s.drain_timeout_ms = m.drain_timeout_ms;
    s.next_send = now;
  }
  void take(Greet& m) {
    s.conversation = m.conversation;
    s.asked = true;
    s.next_send = now;
    if (s.phase == LinkPhase::serving) s.phase = LinkPhase::regreeting;
    if (s.phase == LinkPhase::draining) greet();
  }
  void take(Assign& m) {
    if (s.phase != LinkPhase::serving) return;
    if (m.number == s.next_number) {
      ++s.next_number;
      actions.emplace_back(PostBatch{s.posted_before + m.number, std::move(m.items)});
    } else if (m.number < s.next_number) {
      send(Applied{applied()});
    }
  }
  void take(Ping&) {}
  void take(Stop& m) { drain(WorkerExit::done, "asked to stop", std::max<int64_t>(m.drain_timeout_ms, 0)); }
  void take(SetPaused& m) { actions.emplace_back(ChangePause{m.paused}); }
  void take(SetHeld& m) { actions.emplace_back(ChangeHeld{std::move(m.channels)}); }
  void take(SetSpoolShare& m) {
    if (m.max_bytes > 0) actions.emplace_back(ChangeSpoolShare{static_cast<uint64_t>(m.max_bytes)});
  }
  void take(SetLogLevel& m) { actions.emplace_back(ChangeLogLevel{std::move(m.level)}); }

  void operator()(Received& e) {
    s.silence_ns = 0;
    std::visit([this](auto& m) { take(m); }, e.message);
  }
  void operator()(Misunderstood& e) {
    drain(WorkerExit::protocol, "cannot understand the supervisor: " + e.text, drain_timeout_ms());
  }
  void operator()(Terminated&) { drain(WorkerExit::done, "SIGTERM", drain_timeout_ms()); }

  void operator()(LinkTick&) {
    if (s.last_tick.value != 0) {
      const int64_t paused = std::max<int64_t>(now.value - s.last_tick.value, 0);
      s.silence_ns += std::min(paused, kLongestCountedPauseMs * kNsPerMs);
    }
    s.last_tick = now;
    if (s.silence_ns >= lease_ms() * kNsPerMs) {
      drain(WorkerExit::lease_lapsed,
            "heard nothing of the supervisor for " + std::to_string(lease_ms() / 1000) + " s",
            drain_timeout_ms());
    }
    switch (s.phase) {
      case LinkPhase::greeting:
        if (now >= s.next_send) greet();
        return;
      case LinkPhase::regreeting:
        // What it serves is certain only when all is applied; until then it shows that it is alive.
        if (applied() + 1 >= s.next_number) {
          if (s.asked || now >= s.next_send) greet();
        } else if (now >= s.next_send) {
          heartbeat();
        }
        return;
      case LinkPhase::serving:
        if (now >= s.next_send) return heartbeat();
        if (applied() > s.applied_told) {
          s.applied_told = applied();
          send(Applied{applied()});
        }
        return;
      case LinkPhase::draining:
        if ((facts.cleared && facts.waiting_events == 0) || now >= s.drain_deadline) return leave();
        if (now >= s.next_send) heartbeat();
        return;
      case LinkPhase::left:
        return;
    }
  }
};

}  // namespace

std::vector<LinkAction> step(LinkState& state, LinkEvent event, MonotonicNs now, const LinkFacts& facts,
                             const LinkSettings& settings) {
  Step s{state, now, facts, settings, {}};
  if (state.phase != LinkPhase::left) std::visit(s, event);
  return std::move(s.actions);
}

int64_t wait_ms(const LinkState& state, MonotonicNs now) {
  const int64_t due = (state.next_send.value - now.value + kNsPerMs - 1) / kNsPerMs;
  int64_t longest = kLongestCountedPauseMs / 2;
  switch (state.phase) {
    case LinkPhase::serving:
    case LinkPhase::regreeting:
      if (state.applied_told + 1 < state.next_number) longest = kBusyWaitMs;
      break;
    case LinkPhase::draining:
      longest = kDrainWaitMs;
      break;
    case LinkPhase::greeting:
    case LinkPhase::left:
      break;
  }
  return std::clamp<int64_t>(due, 0, longest);
}

}  // namespace e2k::worker
