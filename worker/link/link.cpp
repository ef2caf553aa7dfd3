#include "worker/link/link.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <optional>
#include <zmq.hpp>

#include "common/fd.h"
#include "common/log.h"
#include "common/version.h"
#include "worker/link/protocol.h"

namespace e2k::worker {
namespace {

// Long enough for the Goodbye to reach a living supervisor, short enough for a dead one.
constexpr int kGoodbyeLingerMs = 200;
// Messages taken in one go before the other threads are looked at again.
constexpr int kMostAtOnce = 64;

sigset_t just_sigterm() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  return set;
}

class Link {
public:
  Link(const LaunchContract& contract, Monitors& monitors, Publishing& publishing,
       std::function<void(const std::string&)> change_log_level)
      : monitors_(monitors),
        publishing_(publishing),
        change_log_level_(std::move(change_log_level)),
        socket_(context_, zmq::socket_type::dealer) {
    settings_.hello = {contract.slot,  contract.generation, getpid(),
                       contract.token, release(),           monitors.library()};
    settings_.lease_ms = contract.lease_s * 1000;
    settings_.drain_timeout_ms = contract.drain_timeout_ms;
    const sigset_t set = just_sigterm();
    signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    socket_.set(zmq::sockopt::routing_id,
                std::to_string(contract.slot.value) + "." + std::to_string(contract.generation.value));
    socket_.set(zmq::sockopt::linger, kGoodbyeLingerMs);
    socket_.set(zmq::sockopt::reconnect_ivl, 100);
    socket_.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(kMaxControlMessageBytes));
    socket_.connect(contract.endpoint);
  }

  LinkOutcome run() {
    while (!outcome_) {
      wait();
      take_signal();
      take_messages();
      // After the messages: a lease is judged only when everything that came has been heard.
      on(LinkTick{});
    }
    outcome_->cleared = monitors_.cleared();
    return *outcome_;
  }

private:
  void wait() {
    zmq::pollitem_t items[] = {{socket_.handle(), 0, ZMQ_POLLIN, 0},
                               {nullptr, signals_.get(), ZMQ_POLLIN, 0}};
    zmq_poll(items, 2, static_cast<long>(wait_ms(state_, monotonic_now())));
  }

  void take_signal() {
    signalfd_siginfo info;
    while (read(signals_.get(), &info, sizeof info) == sizeof info) on(Terminated{});
  }

  void take_messages() {
    for (int i = 0; i < kMostAtOnce && !outcome_; ++i) {
      zmq::message_t frame;
      if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return;
      auto message = decode_supervisor_message(frame.to_string_view());
      if (message) {
        on(Received{std::move(*message)});
      } else {
        on(Misunderstood{message.error().message});
      }
    }
  }

  LinkFacts facts() const {
    LinkFacts f;
    f.applied_number = monitors_.applied();
    f.serves = monitors_.serves();
    f.cleared = monitors_.cleared();
    f.waiting_events = publishing_.waiting();
    f.ca_turns = monitors_.turns();
    f.publish_turns = publishing_.turns();
    if (monotonic_now() >= state_.next_send) {  // asked for only where it is told: it copies a text
      f.kafka_error = publishing_.last_error();
      f.brokers_up = publishing_.brokers_up();
      f.schema_problem = publishing_.schema_problem();
      f.search = monitors_.search_report();
    }
    return f;
  }

  void on(LinkEvent event) {
    const LinkPhase before = state_.phase;
    for (LinkAction& action : step(state_, std::move(event), monotonic_now(), facts(), settings_)) {
      std::visit([this](auto& a) { carry_out(a); }, action);
    }
    if (before == state_.phase) return;
    switch (state_.phase) {
      case LinkPhase::greeting:
      case LinkPhase::left:
        return;
      case LinkPhase::regreeting:
        return log::info("link.asked by=\"another supervisor\"");
      case LinkPhase::serving:
        return log::debug("link.welcomed");
      case LinkPhase::draining:
        return log::info("link.draining reason={}", log::quoted(state_.reason));
    }
  }

  void carry_out(SendMessage& a) {
    const std::string bytes = encode(a.message);
    // A full queue (the supervisor is gone) drops it: everything here is said again.
    (void)socket_.send(zmq::buffer(bytes), zmq::send_flags::dontwait);
  }
  void carry_out(PostBatch& a) { monitors_.post(a.number, std::move(a.items)); }
  void carry_out(ClearAll&) { monitors_.clear_all(); }
  void carry_out(ChangePause& a) { publishing_.set_paused(a.paused); }
  void carry_out(ChangeHeld& a) { publishing_.set_held(a.channels); }
  void carry_out(ChangeSpoolShare& a) { publishing_.set_spool_share(a.bytes); }
  void carry_out(ChangeLogLevel& a) { change_log_level_(a.level); }
  void carry_out(Leave& a) { outcome_ = LinkOutcome{a.exit, a.reason, false}; }

  Monitors& monitors_;
  Publishing& publishing_;
  std::function<void(const std::string&)> change_log_level_;
  LinkSettings settings_;
  LinkState state_;
  UniqueFd signals_;
  zmq::context_t context_{1};
  zmq::socket_t socket_;
  std::optional<LinkOutcome> outcome_;
};

}  // namespace

void block_signals() {
  const sigset_t set = just_sigterm();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
}

LinkOutcome run_link(const LaunchContract& contract, Monitors& monitors, Publishing& publishing,
                     std::function<void(const std::string& level)> change_log_level) {
  try {
    return Link(contract, monitors, publishing, std::move(change_log_level)).run();
  } catch (const zmq::error_t& e) {
    return {WorkerExit::try_again, std::string("link: ZeroMQ: ") + e.what(), false};
  }
}

}  // namespace e2k::worker
