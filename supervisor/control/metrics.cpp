#include "supervisor/control/metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <initializer_list>
#include <utility>

#include "common/text.h"

namespace e2k::supervisor {
namespace {

struct Label {
  const char* name;
  std::string value;
};

std::string escaped(std::string_view raw) {
  std::string out;
  for (const char c : utf8_or_latin1(raw)) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// Writes one family after the other.
class Text {
public:
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    fmt::format_to(std::back_inserter(out_), "# HELP epics2kafka_{} {}\n# TYPE epics2kafka_{} {}\n", name,
                   help, name, type);
  }
  void sample(const std::vector<Label>& labels, const std::string& value, const char* suffix = "") {
    out_ += "epics2kafka_";
    out_ += name_;
    out_ += suffix;
    if (!labels.empty()) {
      out_ += '{';
      for (size_t i = 0; i < labels.size(); ++i)
        out_ += std::string(i == 0 ? "" : ",") + labels[i].name + "=\"" + escaped(labels[i].value) + '"';
      out_ += '}';
    }
    out_ += ' ' + value + '\n';
  }
  void sample(const std::vector<Label>& labels, uint64_t value) { sample(labels, std::to_string(value)); }
  void sample(const std::vector<Label>& labels, double value) { sample(labels, number(value)); }

  template <class Value>
  void single(const char* name, const char* type, const char* help, Value value) {
    family(name, type, help);
    sample({}, value);
  }
  // Families of the process stand under names without our prefix.
  void process(const char* name, const char* type, const char* help, double value) {
    fmt::format_to(std::back_inserter(out_), "# HELP process_{} {}\n# TYPE process_{} {}\nprocess_{} {}\n",
                   name, help, name, type, name, number(value));
  }
  std::string take() { return std::move(out_); }

private:
  std::string out_;
  const char* name_ = "";
};

Label of(const WorkerView& worker) {
  return {"worker", std::to_string(worker.slot.value)};
}

using Workers = std::vector<WorkerView>;

template <class Get>
void per_worker(Text& text, const Workers& workers, const char* name, const char* type, const char* help,
                Get get) {
  text.family(name, type, help);
  for (const WorkerView& worker : workers) text.sample({of(worker)}, get(worker));
}

void write_service(Text& text, const StatusView& status) {
  text.family("build_info", "gauge", "Always 1; the version stands in the label.");
  text.sample({{"version", status.version}}, uint64_t{1});
  text.family("state", "gauge", "1 for the state that the service is in.");
  for (const ServiceState state : {ServiceState::starting, ServiceState::running, ServiceState::paused,
                                   ServiceState::degraded, ServiceState::stopping})
    text.sample({{"state", to_string(state)}}, uint64_t{status.state == state});
  text.family("degraded_reason", "gauge", "1 for each reason why the service is degraded.");
  std::map<std::string, uint64_t> codes;  // one sample a code
  for (const Reason& reason : status.reasons)
    if (!reason.muted) codes[reason.code] = 1;
  for (const auto& [code, one] : codes) text.sample({{"code", code}}, one);
  text.single("uptime_seconds", "gauge", "Since the supervisor started.", status.uptime_s);
  text.single("loop_longest_turn_seconds", "gauge",
              "The longest turn of the supervisor's event loop in the last minute.",
              status.loop_longest_turn_s);
  text.family("channels", "gauge", "Entries (topic and channel) by state.");
  for (size_t i = 0; i < kShownStates; ++i)
    text.sample({{"state", to_string(static_cast<ShownState>(i))}}, status.entries_by_state[i]);
  text.single("channels_distinct", "gauge", "Distinct Channel Access names.", status.channels_distinct);
  text.single("commands_caught_up", "gauge", "1 once the command topic was read to its end.",
              uint64_t{status.commands.caught_up});
  text.single("commands_offset", "gauge",
              "Offset behind the last command read, summed over partitions; -1 before the first.",
              static_cast<double>(status.commands.offset));
  text.single("commands_rejected_total", "counter", "Bad records on the command topic.",
              status.commands.rejected);
  text.single("kafka_brokers_up", "gauge", "Kafka brokers that the worker that sees most of them knows.",
              static_cast<double>(status.brokers_up));
  text.single("spool_used_bytes", "gauge", "Files of all spools.", status.spool_bytes);
  text.single("spool_max_bytes", "gauge", "What all spools together may take.", status.spool_max_bytes);
  text.single("spool_oldest_event_age_seconds", "gauge", "Age of the oldest event that waits for Kafka.",
              status.oldest_event_age_s);
}

void write_by_reason(Text& text, const Workers& workers, const char* name, const char* help) {
  text.family(name, "counter", help);
  for (const WorkerView& worker : workers)
    for (const auto& [reason, count] : worker.lost_by_reason)
      text.sample({of(worker), {"reason", reason}}, count);
}

void write_events(Text& text, const Workers& workers) {
  per_worker(text, workers, "events_received_total", "counter",
             "Events received; the sum of acknowledged, waiting, lost and coalesced.",
             [](const WorkerView& w) { return w.events.received; });
  per_worker(text, workers, "events_acknowledged_total", "counter", "Events that Kafka has acknowledged.",
             [](const WorkerView& w) { return w.events.acknowledged; });
  per_worker(text, workers, "events_coalesced_total", "counter", "Events that a newer one replaced.",
             [](const WorkerView& w) { return w.events.coalesced; });
  write_by_reason(text, workers, "events_lost_total", "Events lost, by reason.");
  write_by_reason(text, workers, "dropped_total", "The same as events_lost_total.");
  per_worker(text, workers, "events_waiting", "gauge", "Events in the spool that Kafka has not acknowledged.",
             [](const WorkerView& w) { return w.events.waiting; });
  per_worker(text, workers, "event_gaps_total", "counter", "Times in which an entry was not monitored.",
             [](const WorkerView& w) { return w.events.gaps; });
  per_worker(text, workers, "ca_events_total", "counter", "Channel Access callbacks with data.",
             [](const WorkerView& w) { return w.ca_events; });
  per_worker(text, workers, "ca_searches_sent_total", "counter",
             "Frames of the channel search that were sent.",
             [](const WorkerView& w) { return w.searches_sent; });
  per_worker(text, workers, "ca_searches_answered_total", "counter", "Names that a server answered for.",
             [](const WorkerView& w) { return w.searches_answered; });
  per_worker(text, workers, "ca_searches_refused_total", "counter",
             "Answers of servers that let nobody connect, or not to that name.",
             [](const WorkerView& w) { return w.searches_refused; });
  per_worker(text, workers, "ca_circuits_opened_total", "counter", "Circuits to servers that came about.",
             [](const WorkerView& w) { return w.circuits_opened; });
  per_worker(text, workers, "ca_circuits_failed_total", "counter",
             "Circuits to servers that did not come about.",
             [](const WorkerView& w) { return w.circuits_failed; });
  per_worker(text, workers, "records_produced_total", "counter", "Records given to librdkafka, repeats too.",
             [](const WorkerView& w) { return w.produced; });
  per_worker(text, workers, "delivery_failures_total", "counter", "Delivery reports with an error.",
             [](const WorkerView& w) { return w.delivery_failures; });
  per_worker(text, workers, "events_restamped_total", "counter",
             "Events whose stamp was 0 or too far ahead and that got the time of arrival.",
             [](const WorkerView& w) { return w.restamped; });
  text.family("queue_depth", "gauge", "Events waiting in the spool, records in flight to Kafka.");
  for (const WorkerView& worker : workers) {
    text.sample({of(worker), {"queue", "spool"}}, worker.events.waiting);
    text.sample({of(worker), {"queue", "kafka"}}, worker.in_flight);
  }
}

void write_latency(Text& text, const Workers& workers) {
  text.family("event_latency_seconds", "histogram",
              "From an event's arrival until Kafka's acknowledgement is seen.");
  for (const WorkerView& worker : workers) {
    uint64_t count = 0;
    for (size_t i = 0; i < ledger::kLatencyBuckets; ++i) {
      count += worker.latency_buckets[i];
      const std::string bound = i + 1 < ledger::kLatencyBuckets
                                    ? number(static_cast<double>(ledger::kLatencyBoundsNs[i]) / 1e9)
                                    : "+Inf";
      text.sample({of(worker), {"le", bound}}, std::to_string(count), "_bucket");
    }
    text.sample({of(worker)}, number(worker.latency_sum_s), "_sum");
    text.sample({of(worker)}, std::to_string(count), "_count");
  }
}

void write_workers(Text& text, const Workers& workers) {
  per_worker(text, workers, "worker_up", "gauge", "1 while the worker runs and answers.",
             [](const WorkerView& w) { return uint64_t{w.state == "RUNNING"}; });
  text.family("worker_restarts_total", "counter", "Restarts of the worker, by reason.");
  for (const WorkerView& worker : workers)
    for (const auto& [reason, count] : worker.restarts_by_reason)
      text.sample({of(worker), {"reason", reason}}, count);
  per_worker(text, workers, "worker_channels", "gauge", "Channels that the worker serves.",
             [](const WorkerView& w) { return w.channels; });
  per_worker(text, workers, "worker_channels_connected", "gauge", "Entries of the worker that are connected.",
             [](const WorkerView& w) { return w.connected; });
  per_worker(text, workers, "worker_resident_memory_bytes", "gauge", "Resident memory of the worker.",
             [](const WorkerView& w) { return w.rss_bytes; });
  per_worker(text, workers, "worker_cpu_seconds_total", "counter", "Processor time of the worker's process.",
             [](const WorkerView& w) { return w.cpu_seconds; });
  per_worker(text, workers, "worker_uptime_seconds", "gauge", "Since the worker's process was started.",
             [](const WorkerView& w) { return w.uptime_s; });
  per_worker(text, workers, "spool_bytes", "gauge", "Files of the worker's spool.",
             [](const WorkerView& w) { return w.spool_bytes; });
}

}  // namespace

std::string metrics_text(const StatusView& status, const std::vector<WorkerView>& workers,
                         const std::vector<WorkerView>& gone_slots, const ProcessFigures& process) {
  Text text;
  write_service(text, status);
  Workers all = workers;
  all.insert(all.end(), gone_slots.begin(), gone_slots.end());
  write_events(text, all);
  write_latency(text, all);
  write_workers(text, workers);
  text.process("cpu_seconds_total", "counter", "Processor time of the supervisor.", process.cpu_seconds);
  text.process("start_time_seconds", "gauge", "When the supervisor started, since 1970.",
               process.start_time_unix_s);
  text.process("resident_memory_bytes", "gauge", "Resident memory of the supervisor.",
               static_cast<double>(process.resident_bytes));
  text.process("virtual_memory_bytes", "gauge", "Virtual memory of the supervisor.",
               static_cast<double>(process.virtual_bytes));
  text.process("open_fds", "gauge", "Open descriptors of the supervisor.",
               static_cast<double>(process.open_fds));
  text.process("max_fds", "gauge", "Descriptors that the supervisor may open.",
               static_cast<double>(process.max_fds));
  return text.take();
}

}  // namespace e2k::supervisor
