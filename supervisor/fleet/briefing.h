// Shell. What workers are told beside their assignments: by the contract that they are launched with, and by
// messages while they run. Both from the same values, so that the two can't drift apart; what was told stands
// in the worker's record, for the supervisor that comes after this one.
//
// What is told to all is said again with every ping: it may have got lost, or be older than the contract.
// One thread: the event loop's.
#pragma once

#include <optional>
#include <string>

#include "common/config/config.h"
#include "proto/control_message.h"
#include "proto/launch.h"
#include "supervisor/fleet/fleet.h"
#include "supervisor/fleet/launcher.h"
#include "supervisor/fleet/link.h"
#include "supervisor/fleet/roster.h"

namespace e2k::supervisor {

class Briefing {
public:
  // All of them outlive it. The config's workers.count changes as slots come and go. `program`: the workers'.
  Briefing(const Config& config, const std::string& program, Link& link, Roster& roster);

  // Told to those that are welcomed, and to those that are to come.
  void set_log_level(const std::string& level, std::optional<Slot> slot);  // none: of all
  void set_paused(bool paused);
  void set_held(const std::string& channels);
  bool is_paused() const { return paused_; }
  // The number of workers has changed.
  void share_spool() const;

  LaunchRequest request_for(const Worker& worker, Generation generation, Fleet::LaunchExtras extras) const;
  // Its process is there: what it was launched with is written down.
  void note_launch(Worker& worker, Generation generation);
  // Sets is_outdated: what the worker runs with is compared with what it would be launched with now.
  void judge_settings(Worker& worker, const Hello& hello) const;

  // In the version that the worker speaks.
  void send(const Worker& worker, const SupervisorMessage& message) const;
  Welcome welcome(const Worker& worker) const;  // its conversation is the worker's
  // Behind the welcome: pause, held channels, its share of the spool, the log's level. Nothing to who is not
  // welcomed.
  void tell_all(Worker& worker);
  // With a ping.
  void tell_again(const Worker& worker) const;

private:
  LaunchContract contract_for(const Worker& worker, Generation generation) const;
  const std::string& log_level_of(const Worker& worker) const;
  void tell_pause(const Worker& worker) const;
  void tell_held(const Worker& worker) const;
  void tell_log_level(Worker& worker);
  void tell_spool_share(const Worker& worker) const;

  const Config& config_;
  const std::string& program_;
  Link& link_;
  Roster& roster_;
  std::string log_level_;
  bool paused_ = false;
  std::string held_;
};

}  // namespace e2k::supervisor
