// A Model whose answers the test sets, and which remembers what it was told to do.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "supervisor/control/event_log.h"
#include "supervisor/control/model.h"
#include "supervisor/control/responder.h"

namespace e2k::supervisor {

class FakeModel : public Model {
public:
  StatusView status_view;
  std::vector<WorkerView> worker_views, gone_views;
  Result<void> pause_outcome;
  Result<void> scale_outcome = {};
  std::vector<EntryView> entry_views;  // in the order of their cursors
  std::vector<HostView> host_views;
  std::vector<Rejection> rejection_views;
  std::vector<std::string> topic_names;
  int slices_of_an_answer = 0;  // before the one that gives it
  std::vector<std::string> changes;
  std::vector<Caller> callers;
  TopicPage topic_views;
  EventLog log{RealNs{0}};
  mutable EntryQuery last_query;
  mutable size_t pages_begun = 0;
  mutable TopicQuery last_topic_query;

  const EventLog* event_log() const override { return &log; }
  std::vector<Transition> standing() override { return {{"service", "", "RUNNING", ""}}; }
  StatusView status() const override { return status_view; }
  std::vector<WorkerView> workers() const override { return worker_views; }
  InSlices<EntryPage> entries_in_slices(EntryQuery query) const override {
    return [this, query, slices = 0]() mutable -> std::optional<EntryPage> {
      if (slices == 0) ++pages_begun;
      return slices++ < slices_of_an_answer ? std::nullopt : std::optional(page(query));
    };
  }
  EntryPage page(const EntryQuery& query) const {
    last_query = query;
    EntryPage page;
    for (size_t i = query.after.empty() ? 0 : std::stoul(query.after) + 1; i < entry_views.size(); ++i) {
      if (page.items.size() == query.limit) {
        page.next = std::to_string(i - 1);
        break;
      }
      page.items.push_back(entry_views[i]);
    }
    return page;
  }
  std::vector<EntryView> entries_of(std::string_view channel) const override {
    std::vector<EntryView> found;
    for (const EntryView& entry : entry_views)
      if (entry.channel == channel) found.push_back(entry);
    return found;
  }
  std::vector<WorkerView> gone_slots() const override { return gone_views; }
  InSlices<std::vector<std::string>> topics_in_slices(size_t limit) const override {
    auto topics = topic_names;
    topics.resize(std::min(topics.size(), limit));
    return [topics] { return std::optional(topics); };
  }
  InSlices<TopicPage> topic_page_in_slices(TopicQuery query) const override {
    last_topic_query = query;
    return [this] { return std::optional(topic_views); };
  }
  std::vector<HostView> hosts() const override { return host_views; }
  std::vector<Rejection> rejections() const override { return rejection_views; }
  bool restart_worker(Slot slot, const Caller& caller) override {
    changes.push_back("restart " + std::to_string(slot.value));
    callers.push_back(caller);
    for (const WorkerView& worker : worker_views)
      if (worker.slot == slot) return true;
    return false;
  }
  void restart_workers(bool rolling, bool only_failed, const Caller& caller) override {
    changes.push_back(std::string("restart all") + (rolling ? " rolling" : "") +
                      (only_failed ? " failed" : ""));
    callers.push_back(caller);
  }
  size_t retry(std::string_view channel, std::optional<std::string_view> topic,
               const Caller& caller) override {
    changes.push_back("retry " + std::string(channel) + (topic ? " " + std::string(*topic) : ""));
    callers.push_back(caller);
    return entries_of(channel).size();
  }
  bool set_log_level(const std::string& level, std::optional<Slot> worker, const Caller& caller) override {
    changes.push_back("log level " + level + (worker ? " of " + std::to_string(worker->value) : ""));
    callers.push_back(caller);
    return !worker || worker->value < worker_views.size();
  }
  Result<uint64_t> reload(const Caller& caller) override {
    changes.push_back("reload");
    callers.push_back(caller);
    return reload_outcome;
  }
  Result<uint64_t> reload_outcome = uint64_t{4};
  Result<void> set_workers(int count, const Caller& caller) override {
    changes.push_back("scale " + std::to_string(count));
    callers.push_back(caller);
    return scale_outcome;
  }
  Result<void> set_paused(bool paused, const Caller& caller) override {
    changes.push_back(paused ? "pause" : "resume");
    callers.push_back(caller);
    return pause_outcome;
  }
};

// With its body, as a session puts it together.
inline Answer whole(Answer answer) {
  if (answer.body_in_slices) answer.body = run_to_end(answer.body_in_slices);
  return answer;
}

inline EntryView an_entry(std::string channel) {
  EntryView entry;
  entry.channel = std::move(channel);
  entry.topic = "topic1";
  entry.mask = Mask{Mask::kValue | Mask::kAlarm};
  return entry;
}

}  // namespace e2k::supervisor
