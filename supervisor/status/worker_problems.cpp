#include "supervisor/status/worker_problems.h"

#include <fmt/format.h>

#include "supervisor/fleet/slot_life.h"

namespace e2k::supervisor {
namespace {

// What two workers say alike is told once.
void add_once(std::string& text, const std::string& more) {
  if (more.empty() || text.find(more) != std::string::npos) return;
  text += (text.empty() ? "" : "; ") + more;
}

std::string failing_text(const SlotFacts& one) {
  const std::string slot = std::to_string(one.slot.value);
  switch (one.state->phase) {
    case SlotPhase::backoff:
      return fmt::format("worker {} is down: {}; it is started again. ", slot, one.state->last_exit);
    case SlotPhase::unresponsive:
    case SlotPhase::killing:
      return fmt::format("worker {} does not answer; it is killed and started again. ", slot);
    case SlotPhase::idle:
    case SlotPhase::starting:
      // After a failure it is well again only when it has greeted.
      return one.state->failures == 0
                 ? ""
                 : fmt::format("worker {} is being started again after: {}. ", slot, one.state->last_exit);
    case SlotPhase::failed:
    case SlotPhase::running:
    case SlotPhase::stopping:
    case SlotPhase::stopped:
      break;
  }
  return "";
}

std::string left_text(const SlotFacts& one) {
  if (one.waiting == 0) return "";
  const std::string events = fmt::format("{} event{}", one.waiting, one.waiting == 1 ? "" : "s");
  if (one.drainer)
    return fmt::format("Worker {} publishes the {} that it left. ", one.drainer->value, events);
  return fmt::format("The {} that it left wait{} until it is back. ", events, one.waiting == 1 ? "s" : "");
}

}  // namespace

WorkerProblems judge_workers(const std::vector<SlotFacts>& slots) {
  WorkerProblems problems;
  for (const SlotFacts& one : slots) {
    // One that is tried again once a minute does not come and go with that.
    const bool is_tried = one.state->tries_again && one.state->phase != SlotPhase::running;
    if (one.state->phase == SlotPhase::failed || is_tried)
      problems.failed +=
          fmt::format("worker {} is not started again{}: {}; mend it{} epics2kafkactl restart {}. {}",
                      one.slot.value, is_tried ? " but once a minute" : "", one.state->last_exit,
                      is_tried ? ", and to have it at once:" : ", then", one.slot.value, left_text(one));
    // Said once: of the limit.
    const bool lacks_limit = one.state->lacks_limit && one.state->phase != SlotPhase::running;
    if (!lacks_limit && !is_tried) problems.failing += failing_text(one);
    if (lacks_limit) problems.limits += fmt::format("worker {} {}. ", one.slot.value, one.state->last_exit);
    add_once(problems.schema_registry, one.schema_problem);
  }
  if (!problems.schema_registry.empty())
    problems.schema_registry += ". Events of its topics wait in the spool";
  return problems;
}

std::string address_problem(const std::vector<SlotFacts>& slots) {
  std::string text;
  for (const SlotFacts& one : slots)
    if (is_alive(*one.state)) add_once(text, one.address_problem);
  if (!text.empty())
    text +=
        ". Mend epics.addr_list or epics.name_servers, or the name service; they are looked up every minute";
  return text;
}

}  // namespace e2k::supervisor
