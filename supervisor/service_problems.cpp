// The part of the Service that has the parts judged: workers, brokers, spools, IOCs.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "common/config/property_rules.h"
#include "common/kafka/certificate_files.h"
#include "common/process_use.h"
#include "supervisor/fleet/slot_life.h"
#include "supervisor/service.h"
#include "supervisor/status/directory_problems.h"

namespace e2k::supervisor {
namespace {

// The files of the workers' certificates.
std::string producer_certificates(const Config& config) {
  auto properties = merged_properties(config.kafka.common, config.kafka.producer);
  for (const Properties* side : {&config.kafka.common, &config.kafka.producer})
    config::name_login_files(*side, properties);
  return kafka::CertificateFiles::names_in(properties);
}

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr size_t kDescriptorLooks = 16;
constexpr int64_t kKeepAgainNs = 5 * kNsPerSecond;

}  // namespace

std::vector<SlotFacts> Service::slot_facts() const {
  std::vector<SlotFacts> facts;
  for (const auto& view : fleet_->slots()) {
    facts.push_back({view.slot, view.state, "", ""});
    if (view.books != nullptr) facts.back().waiting = ledger::waiting_of(view.books->header());
    if (const auto loan = books_.loans().find(view.slot); loan != books_.loans().end())
      facts.back().drainer = loan->second;
    if (!view.heartbeat) continue;
    facts.back().schema_problem = view.heartbeat->schema_problem;
    facts.back().address_problem = view.heartbeat->address_problem;
  }
  return facts;
}

void Service::judge_slots() {
  if (stopping_) return;
  const WorkerProblems problems = judge_workers(slot_facts());
  tell(ReasonCode::worker_failed, problems.failed);
  tell(ReasonCode::schema_registry, problems.schema_registry);
  tell(ReasonCode::worker_failing, problems.failing);
  tell(ReasonCode::limits, problems.limits + descriptors_.problem());
  tell(ReasonCode::worker_crashing, crash_loops_.problem(monotonic_now()));
  judge_brokers();
}

void Service::judge_brokers() {
  std::vector<BrokerProblems::OfWorker> workers;
  for (const auto& view : fleet_->slots())
    if (view.heartbeat)
      workers.push_back({view.slot.value, view.heartbeat->brokers_up, view.heartbeat->kafka_error});
  broker_problems_.of_workers(workers, shown_servers(config_.kafka.common, config_.kafka.producer),
                              producer_certificates(config_));
  for (const auto& [code, message] : broker_problems_.judged()) tell(code, message);
}

void Service::judge_spools() {
  const RealNs real = real_now();
  const MonotonicNs now = monotonic_now();
  std::vector<SpoolFigures> figures;
  for (const auto& view : fleet_->slots())
    if (view.books != nullptr) figures.push_back(spool_figures_of(view.books->header(), real));
  const uint64_t room = SpoolDirectory::room_bytes(config_.spool.directory, config_.spool.keep_free_bytes);
  for (SpoolFigures& one : figures)
    if (room != UINT64_MAX) one.disk_room_bytes = room / figures.size();
  for (const auto& [slot, gone] : books_.gone()) {
    if (!gone.ledger) continue;
    figures.push_back(spool_figures_of(gone.ledger->header(), real));
    figures.back().lives = false;
  }
  spools_.look(figures, now);
  if (stopping_) return;
  const SpoolProblems problems = spools_.judge(now);
  tell(ReasonCode::topic_blocked, problems.topic_blocked,
       problems.lacks_only_schemas ? std::optional(ReasonCode::schema_registry) : std::nullopt);
  tell(ReasonCode::spool_filling, problems.spool_filling);
  tell(ReasonCode::spool_full, problems.spool_full);
  tell(ReasonCode::events_lost, problems.events_lost);
  tell(ReasonCode::records_refused, problems.records_refused);
  tell(ReasonCode::log_damaged, problems.log_damaged);
  tell(ReasonCode::spool_gone, problems.spool_gone);
  judge_directories(now);
  look_at_descriptors(now);
}

// Some of the workers at a time.
void Service::look_at_descriptors(MonotonicNs now) {
  const auto slots = fleet_->slots();
  for (size_t i = 0; i < std::min(slots.size(), kDescriptorLooks); ++i) {
    const auto& slot = slots[next_descriptors_++ % slots.size()];
    if (slot.state->pid <= 0) continue;
    if (const auto use = descriptor_use(slot.state->pid); use && use->used)
      descriptors_.look(slot.slot, *use->used, use->most, now);
  }
}

// By the writer, because it waits for the disk. Should this process end before, the worker's log has the
// number in its name.
void Service::keep_generation() {
  boost::asio::post(writer_, [this, generation = last_generation_] {
    boost::asio::post(loop_, [this, kept = directory_.keep_generation(generation)] {
      note_kept(StateProblems::Thing::generation, kept);
    });
  });
}

void Service::judge_directories(MonotonicNs now) {
  using Thing = StateProblems::Thing;
  const auto facts_of = [](const std::string& path) {
    return DirectoryFacts{path, ::access(path.c_str(), W_OK | X_OK) == 0 ? 0 : errno};
  };
  const DirectoryFacts state = facts_of(directory_.path());
  state_problems_.note(Thing::directory, state_directory_text(state));
  tell(ReasonCode::state_directory, state_problems_.judged());
  tell(ReasonCode::spool_directory, spool_directory_text(facts_of(config_.spool.directory)));
  tell(ReasonCode::runtime_directory, runtime_directory_text(facts_of(config_.runtime_directory)));
  if (state.error_number != 0 || now.value - kept_again_at_.value < kKeepAgainNs) return;
  kept_again_at_ = now;
  // The snapshot sees to itself.
  if (state_problems_.stands(Thing::generation)) keep_generation();
  if (state_problems_.stands(Thing::quarantine)) quarantine_changed();
}

SearchFacts Service::search_facts(const std::vector<HostView>& hosts) const {
  SearchFacts facts;
  for (const auto& slot : fleet_->slots()) {
    if (!is_alive(*slot.state) || slot.ledger == nullptr) continue;
    facts.entries += shares_.entries(slot.slot);
    facts.frames += slot.ledger->header().searches_sent.load(kRelaxed);
    facts.answers += slot.ledger->header().searches_answered.load(kRelaxed);
    if (!slot.heartbeat) continue;
    std::istringstream addresses(slot.heartbeat->searched);
    for (std::string address; addresses >> address;) facts.addresses.insert(address);
    if (slot.heartbeat->beacon_servers <= facts.beacon_servers) continue;
    facts.beacon_servers = slot.heartbeat->beacon_servers;
    facts.beacon_of = slot.heartbeat->beacon_of;
  }
  for (const HostView& host : hosts) facts.connected += host.channels;
  return facts;
}

void Service::judge_hosts() {
  uint64_t duplicated = 0;
  for (const auto& slot : fleet_->slots())
    if (is_alive(*slot.state) && slot.ledger != nullptr)
      duplicated += slot.ledger->header().duplicated.load(kRelaxed);
  const RealNs real = real_now();
  const std::vector<HostView> seen = board_->hosts(), hosts = channel_round_.with_lost(seen);
  const IocProblems problems = judge_iocs(hosts, duplicated, channel_round_.known().duplicates,
                                          static_cast<double>(config_.status.max_clock_skew_s), real);
  tell(ReasonCode::ioc_refuses, problems.refuses);
  tell(ReasonCode::ioc_hung, problems.hung);
  tell(ReasonCode::ioc_clock, problems.clock);
  tell(ReasonCode::channel_duplicated, problems.duplicated);
  tell(ReasonCode::address_unresolved, address_problem(slot_facts()));
  channel_round_.note_hosts(seen, real);
  const FoundWanting wanting =
      search_problems_.judge(search_facts(hosts), hosts, channel_round_.known(), monotonic_now(), real);
  tell(ReasonCode::nothing_connected, wanting.nothing_connected,
       cause_of_nothing_connected(hosts, channel_round_.known()));
  tell(ReasonCode::ioc_lost, wanting.ioc_lost);
  tell(ReasonCode::channels_lost, wanting.channels_lost);
  tell(ReasonCode::channels_never_connected, wanting.never_connected);
}

}  // namespace e2k::supervisor
