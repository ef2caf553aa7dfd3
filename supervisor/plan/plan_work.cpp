#include "supervisor/plan/plan_work.h"

#include <utility>

namespace e2k::supervisor {

PlanWork::PlanWork(std::vector<Slot> workers, Affinity affinity)
    : workers_(std::move(workers)), affinity_(affinity) {}

void PlanWork::expect(size_t channels) {
  rows_.reserve(channels);
}

void PlanWork::add(const PlannedChannel& one, uint32_t channel, uint64_t name_hash) {
  names_ += one.name;
  rows_.push_back({one, channel, name_hash, names_.size()});
  rows_.back().planned.name = {};
}

std::vector<PlannedMove> PlanWork::make() const {
  std::vector<PlannedChannel> planned;
  planned.reserve(rows_.size());
  size_t begin = 0;
  for (const Row& row : rows_) {
    planned.push_back(row.planned);
    planned.back().name = std::string_view(names_).substr(begin, row.name_ends - begin);
    begin = row.name_ends;
  }
  std::vector<PlannedMove> moves;
  for (const Move& move : plan(planned, workers_, affinity_)) {
    const Row& row = rows_[move.channel];
    moves.push_back({row.channel, row.name_hash, move.from, move.to});
  }
  return moves;
}

}  // namespace e2k::supervisor
