// Shell. The supervisor at work: tails the command topic, keeps the book of shares, feeds the fleet, answers
// the control sockets. It joins the parts and decides nothing that one of them can decide.
//
//   Tail ─records─> Replay ─what counts─> CommandState ─changes─> Shares ─items─> Fleet ─> workers
//                                              │ snapshot (a thread of its own writes it)
//   ControlServer <── Service (Model) <── Board: CommandState + Shares + Fleet + mapped ledgers
//
// One thread, the event loop's; every callback of the parts comes on it. Start order: snapshot, books of
// names, fleet, control sockets, tail. Workers of an earlier supervisor are taken over first, whether the
// command topic can be read or not, and then sent what differs. Nothing is assigned before the topic's end
// was reached, or, while the brokers do not answer, before the snapshot has waited kSnapshotGrace for them.
// Nothing is removed on the word of an incomplete read.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/config/config.h"
#include "common/result.h"
#include "supervisor/commands/broker_problems.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/commands/replay.h"
#include "supervisor/commands/snapshot.h"
#include "supervisor/commands/tail.h"
#include "supervisor/control/control_server.h"
#include "supervisor/control/event_log.h"
#include "supervisor/control/model.h"
#include "supervisor/fleet/fleet.h"
#include "supervisor/fleet/resize.h"
#include "supervisor/fleet/rolling.h"
#include "supervisor/handover/handover.h"
#include "supervisor/harvest.h"
#include "supervisor/ledgers.h"
#include "supervisor/notify.h"
#include "supervisor/plan/shares.h"
#include "supervisor/quarantine/bisection.h"
#include "supervisor/quarantine/blame.h"
#include "supervisor/quarantine/quarantine.h"
#include "supervisor/reload.h"
#include "supervisor/slot_books.h"
#include "supervisor/spool_directory.h"
#include "supervisor/state_directory.h"
#include "supervisor/status/board.h"
#include "supervisor/status/channel_round.h"
#include "supervisor/status/crash_loops.h"
#include "supervisor/status/descriptor_watch.h"
#include "supervisor/status/ioc_problems.h"
#include "supervisor/status/reasons.h"
#include "supervisor/status/search_problems.h"
#include "supervisor/status/spool_problems.h"
#include "supervisor/status/state_problems.h"
#include "supervisor/status/sweep_pace.h"
#include "supervisor/status/worker_problems.h"
#include "supervisor/watchdog.h"

namespace e2k::supervisor {

class Service final : public Model {
public:
  // Where it gets its tail and its fleet from: a test has its own.
  struct Parts {
    std::function<Result<std::unique_ptr<Fleet>>(Generation first, Fleet::Callbacks,
                                                 std::function<void(Generation)> generation_used)>
        make_fleet;
    std::function<Result<std::unique_ptr<Tail>>(Tail::Callbacks)> start_tail;
    // Slots in which workers of an earlier supervisor run.
    std::function<std::vector<Slot>()> found_slots = [] { return std::vector<Slot>(); };
    // How long the event loop's longest turn of the last minute took.
    std::function<double()> longest_turn_s = [] { return 0.0; };
  };
  // Those with processes and brokers. Both arguments outlive the service.
  static Parts real_parts(boost::asio::io_context& loop, const Config& config);

  // Everything that can be refused is refused here. `stopped` is called once after stop(), when all workers
  // are gone.
  static Result<std::unique_ptr<Service>> start(boost::asio::io_context& loop, const Config& config,
                                                StateDirectory& directory, SpoolDirectory& spool,
                                                const Parts& parts, std::function<void()> stopped);
  ~Service() override;

  // Drains the workers and ends them; a second call does nothing.
  void stop();
  // What reload() is done with; it outlives the service.
  void use(Reload& reload) { reload_ = &reload; }

  StatusView status() const override;
  std::vector<WorkerView> workers() const override;
  std::vector<WorkerView> gone_slots() const override;
  InSlices<EntryPage> entries_in_slices(EntryQuery query) const override;
  std::vector<EntryView> entries_of(std::string_view channel) const override;
  InSlices<std::vector<std::string>> topics_in_slices(size_t limit) const override;
  InSlices<TopicPage> topic_page_in_slices(TopicQuery query) const override;
  std::vector<HostView> hosts() const override;
  const EventLog* event_log() const override { return &event_log_; }
  std::vector<Transition> standing() override;
  std::vector<Rejection> rejections() const override;
  bool restart_worker(Slot slot, const Caller& caller) override;
  void restart_workers(bool rolling, bool only_failed, const Caller& caller) override;
  size_t retry(std::string_view channel, std::optional<std::string_view> topic,
               const Caller& caller) override;
  Result<void> set_paused(bool paused, const Caller& caller) override;
  bool set_log_level(const std::string& level, std::optional<Slot> worker, const Caller& caller) override;
  Result<uint64_t> reload(const Caller& caller) override;
  Result<void> set_workers(int count, const Caller& caller) override;

private:
  Service(boost::asio::io_context& loop, const Config& config, StateDirectory& directory,
          SpoolDirectory& spool, std::function<void()> stopped);

  Result<void> begin(const Parts& parts);
  // Workers that were found beyond workers.count are of the fleet until others have taken over.
  std::vector<Slot> enter_surplus(const Parts& parts);
  Fleet::Callbacks fleet_callbacks();
  bool restore_snapshot();
  void wait_to_serve_snapshot();

  // The command topic.
  Tail::Callbacks tail_callbacks();
  void fold(const TopicRecord& record, bool is_new);
  void on_batch_end();
  void expect_keys();
  void on_all_read();
  void settle_replay();
  bool settle_held();
  bool retire();
  void on_caught_up();
  void judge_replay();
  void judge_commands();
  void tell(ReasonCode code, const std::string& message, std::optional<ReasonCode> because = {});
  void note_kept(StateProblems::Thing thing, const Result<void>& kept);
  void serve_from_snapshot();
  void judge_snapshot(int64_t before);

  // The fleet.
  void renew_facts(Shares::Orders& orders);
  void apply_orders(Shares::Orders orders);
  void renew_worn_workers();
  void replace_large_workers();
  void even_out_later();
  // A slice; the rest by itself.
  void reconcile();
  void go_on_reconciling();
  void make_plan(PlanWork work);
  void tell_more();
  bool are_workers_behind() const;
  Shares::Asking asking() const;
  Fleet::LaunchExtras on_launching(Slot slot);
  void on_welcomed(Slot slot, Generation generation);
  void on_adopted(Slot slot, Generation generation);
  void drop_unclaimed();
  void on_lost(const Obituary& worker);
  void note_lost(Slot slot, size_t most);
  void go_on_noting_lost();
  void judge_slots();
  void judge_brokers();
  std::vector<SlotFacts> slot_facts() const;
  // Entries that go over.
  struct UnderWay {
    Handover handover;
    Place from, to;
    uint64_t received_before = 0;  // by the new worker's line
    int64_t command_offset = -1;
    bool renewed = false;
    Generation generation{};                          // of the new worker, and
    uint64_t assigned = 0;                            // what it had been given with the last that concerns it
    ReleaseEntry release{};                           // once it is known
    bool changed = false;                             // commanded anew meanwhile
    std::optional<RealNs> last_known = std::nullopt;  // of `release`: when the event that it names arrived
  };
  void look_at_handovers();
  void step_preparing();
  void settle_leaving();
  bool finish_activated();  // true: one is over
  std::optional<MoveView> move_of(EntryId id) const;
  PreparingFacts preparing_facts(const UnderWay& one) const;
  void note_last_event(const Book::Leaving& leaving);
  void leave(EntryId id, const Place& from, int64_t command_offset);
  void new_worker_greeted(Slot slot, std::vector<AssignItem>& items);
  void note_told(UnderWay& one) const;
  // The new worker lives and has done all that it was told of it.
  bool has_applied(const UnderWay& one) const;

  // Slots that come and go.
  struct Leaver {
    MonotonicNs since;
    bool told = false;  // to stop
    std::optional<MonotonicNs> emptied = std::nullopt;
  };
  struct Replacement {
    MonotonicNs since;
    std::string why;    // "": somebody asked
    bool told = false;  // to restart
    std::optional<MonotonicNs> serves_nothing = std::nullopt;
  };
  void resize_fleet();
  void note_spares(const Resize& change);
  bool replace(Slot slot, const std::string& why = "");
  void restart_emptied();
  bool is_ready_to_restart(Slot slot, Replacement& replacement, MonotonicNs now) const;
  bool hands_over(Slot slot) const;
  bool serves_nothing(Slot slot) const;
  template <class Waits>
  bool keeps_only(Slot slot, Waits waits) const;
  bool is_emptied(Slot slot) const;
  void roll_on();
  void roll_all();
  void go_on_rolling();
  void judge_rolled();
  void keep_rolling_upto(Generation generation);
  void judge_closed();
  void retire_emptied();
  void on_gave_up(Slot slot);
  void on_retired(Slot slot);
  void ask_heirs();
  void look_for_drainers();
  void enter(Slot slot);

  // What waits in slots that have failed (fleet/loan.h).
  void begin_loans();
  void lend(Slot slot, uint64_t events);
  void end_loans();
  void give_back(Slot drainer);
  bool is_drainer(Slot slot) const;
  bool may_wait(const ledger::LedgerReader& books, Slot slot) const;
  void take_loans_along();

  // Channels that end workers.
  void restore_quarantine();
  void look_for_the_guilty(const Obituary& worker);
  std::vector<Suspicion> suspicions_of(const Obituary& worker) const;
  void set_aside(Quarantined channel);
  // false: it is not set aside.
  bool take_back(std::string_view channel, const char* why);
  void take_back_commanded_anew();
  int64_t newest_command(std::string_view channel) const;
  void quarantine_changed();
  void hold();
  void obey(Slot slot, const Bisection::Orders& orders, const Evidence& last);
  void tend_searches();

  // Once a second: reported flags, the board, snapshot.
  void tick();
  void judge_spools();
  void judge_directories(MonotonicNs now);
  void look_at_descriptors(MonotonicNs now);
  void keep_generation();
  void trim_memory_after_burst();
  void bring_hosts_together();
  void look_at_host_tables();
  void learn_host(EntryId id, Slot slot, const ledger::Entry& line);

  void judge_hosts();
  SearchFacts search_facts(const std::vector<HostView>& hosts) const;
  void see_channel(const Harvest::Seen& seen);
  void note_changes();
  std::vector<Transition> entry_transitions();
  void on_judged(bool good);
  void tell_service_manager();

  // Entries and their lines, a slice at a time: what the board counts, and what workers report.
  void sweep();
  void look_for_changes();

  // The snapshot, put together a slice at a time.
  void save_snapshot_if_due();
  void save_snapshot_at_the_end();
  void begin_snapshot();
  void add_to_snapshot(const CommandState::LiveKey& key);
  void walk_for_snapshot();
  void write_snapshot();

  boost::asio::io_context& loop_;
  const Config& config_;
  StateDirectory& directory_;
  std::function<void()> stopped_;

  CommandState commands_;
  Replay replay_;
  Shares shares_;
  SlotBooks books_;
  SpoolJudge spools_;
  std::unique_ptr<Tail> tail_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<Ledgers> ledgers_;
  std::unique_ptr<Harvest> harvest_;
  std::unique_ptr<Board> board_;
  std::unique_ptr<ControlServer> control_;
  Reasons reasons_;
  Quarantine quarantine_;
  Blame blame_;
  std::map<Slot, Bisection> searches_;
  CrashLoops crash_loops_;
  BrokerProblems broker_problems_;
  StateProblems state_problems_;
  DescriptorWatch descriptors_;
  size_t next_descriptors_ = 0;  // of the slots, whose worker is looked at next
  Generation last_generation_;   // the highest that was used
  MonotonicNs kept_again_at_{};  // what could not be kept was tried again
  Notify notify_;
  Reload* reload_ = nullptr;
  Watchdog watchdog_;

  MonotonicNs evened_at_;  // when moves that were put off were last tried
  std::map<Slot, MonotonicNs> renewed_at_, replaced_at_;
  size_t wanted_workers_;
  std::map<Slot, Leaver> leaving_;
  std::map<Slot, Replacement> replacing_;
  std::set<Slot> spares_;  // that came because nobody else was there to take over, or to drain
  Rolling rolling_;
  std::set<Slot> rolled_past_;    // because they were about to leave
  Generation rolling_upto_{};     // workers up to it are restarted one by one, because somebody asked
  bool rolling_went_on_ = false;  // where the supervisor before had left off
  std::map<Slot, MonotonicNs> heirs_asked_;  // by gone slot
  std::set<Slot> lent_in_vain_;              // slots, since they last ran
  std::unordered_map<EntryId, UnderWay> under_way_;

  std::map<Slot, std::vector<uint32_t>>
      host_tables_;  // for workers.affinity: of the rows of a worker's table
  MonotonicNs hosts_learnt_at_;
  bool hosts_changed_ = false;  // since the last reconcile

  std::map<Slot, uint32_t> lost_;  // workers, and of whose lines how many were looked at since

  bool stopping_ = false;
  int ticks_since_burst_ = 0;            // of commands or assignments
  MonotonicNs swept_at_{INT64_MIN / 2};  // when the last round of sweeping began
  SweepPace pace_;
  bool news_of_round_ = false;
  bool is_retiring_ = false, is_retired_ = true;  // of settle_replay()
  size_t records_ = 0;  // that the command topic may hold; 0: what was to be learnt of it was
  bool snapshot_due_ = false;
  bool snapshot_running_ = false;  // it is put together or written
  SnapshotPieces snapshot_pieces_;
  std::shared_ptr<std::optional<SnapshotFile>> snapshot_file_;  // the writer's
  MonotonicNs snapshot_saved_at_;
  Transitions transitions_;
  EventLog event_log_{real_now()};
  ChannelRound channel_round_;
  SearchProblems search_problems_;
  boost::asio::steady_timer tick_timer_, sweep_timer_, snapshot_timer_, grace_timer_, handover_timer_,
      reconcile_timer_, tell_timer_, lost_timer_, settle_timer_, search_timer_;
  // What would hold up the loop: snapshots that a slow disk takes, and plans of many channels.
  boost::asio::thread_pool writer_{1}, planner_{1};
};

}  // namespace e2k::supervisor
