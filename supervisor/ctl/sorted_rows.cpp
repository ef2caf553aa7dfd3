#include "supervisor/ctl/sorted_rows.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/text.h"
#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

struct Column {
  const char *name, *member;
  bool figures;
};
constexpr auto kColumnsOfEntries = std::to_array<Column>({{"channel", "channel", false},
                                                          {"topic", "topic", false},
                                                          {"state", "state", false},
                                                          {"worker", "worker", false},
                                                          {"host", "host", false},
                                                          {"received", "received", true},
                                                          {"waiting", "waiting", true},
                                                          {"lost", "lost", true},
                                                          {"age", "last_event_age_s", true},
                                                          {"gaps", "gaps", true}});

}  // namespace

tl::expected<SortedRows, std::string> SortedRows::by(const std::string& column, size_t limit) {
  std::string accepted;
  for (const Column& known : kColumnsOfEntries) {
    if (lower(column) == known.name) return SortedRows(known.member, known.figures, limit);
    accepted += (accepted.empty() ? "" : ", ") + std::string(known.name);
  }
  return tl::unexpected("--sort " + column + ": there is no such column; accepted: " + accepted);
}

bool SortedRows::is_before(const Row& a, const Row& b) const {
  if (a.figure != b.figure) return a.figure > b.figure;
  if (a.text != b.text) return a.text < b.text;
  return a.place < b.place;
}

void SortedRows::add(Json&& entry) {
  Row row{"", 0, seen_++, {}};
  // Without a figure (an age, of what never had an event) it comes before all that have one.
  if (figures_)
    row.figure = at(entry, member_.c_str()).is_number() ? number(entry, member_.c_str()) : 1e300;
  else
    row.text = cell(entry, member_.c_str());
  const auto before = [this](const Row& a, const Row& b) { return is_before(a, b); };
  if (rows_.size() >= limit_) {
    if (limit_ == 0 || !is_before(row, rows_.front())) return;
    std::ranges::pop_heap(rows_, before);
    rows_.pop_back();
  }
  row.entry = std::move(entry);
  rows_.push_back(std::move(row));
  std::ranges::push_heap(rows_, before);
}

Json SortedRows::rows() && {
  std::ranges::sort_heap(rows_, [this](const Row& a, const Row& b) { return is_before(a, b); });
  Json list = Json::array();
  for (Row& row : rows_) list.push_back(std::move(row.entry));
  return list;
}

}  // namespace e2k::supervisor::ctl
