#include "worker/encode/record_plan.h"

#include <algorithm>
#include <cstdlib>

namespace e2k::worker {
namespace {

template <class Present>
RecordPlan plan_of(const Schema& schema, const RecordLayout& layout, Present present) {
  RecordPlan plan;
  const auto count = static_cast<size_t>(std::ranges::count_if(schema.fields, present));
  std::string text = layout.begin(schema, count);
  size_t number = 0;
  for (const Field& field : schema.fields) {
    const bool has_value = present(field);
    text += layout.before(field, ++number, has_value ? std::optional(plan.steps.size()) : std::nullopt);
    if (!has_value) continue;
    if (text.size() > RecordStep::kMostBytes) std::abort();  // a table of ours that does not fit
    RecordStep step;
    std::ranges::copy(text, step.before.begin());
    step.before_bytes = static_cast<uint8_t>(text.size());
    step.source = field.source;
    if (field.source == FieldSource::values) plan.values_type = field.type;
    plan.steps.push_back(step);
    text.clear();
  }
  plan.behind = text;
  return plan;
}

}  // namespace

RecordPlans::RecordPlans(const Schema& schema, const RecordLayout& layout) {
  for (size_t number = 0; number < events_.size(); ++number) {
    const auto type = static_cast<DbrType>(number);
    if (value_field(schema, type) == nullptr) continue;
    events_[number] = plan_of(schema, layout, [&](const Field& field) {
      return field.source == FieldSource::values ? contains(field.takes, type)
                                                 : field.source != FieldSource::error;
    });
  }
  if (has_error_field(schema))
    error_ = plan_of(schema, layout, [](const Field& field) { return field.source == FieldSource::error; });
}

const RecordPlan* RecordPlans::of(const EventView& event) const {
  if (event.is_error) return error_ ? &*error_ : nullptr;
  const size_t one = element_bytes(event.type);
  if (one == 0 || event.value.size() / one < event.count) return nullptr;
  const auto& plan = events_[static_cast<size_t>(event.type)];
  return plan ? &*plan : nullptr;
}

}  // namespace e2k::worker
