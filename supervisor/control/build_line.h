// Shell. Answers of one listener that are put together in slices: so many at a time, because each holds a
// page in memory; the others stand in line. One thread, the event loop's.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "supervisor/control/slice_queue.h"

namespace e2k::supervisor {

inline constexpr size_t kMaxBuilds = 4;
inline constexpr size_t kMaxInSlices = 64;  // of a listener, with those at work

class BuildLine : public std::enable_shared_from_this<BuildLine> {
public:
  struct Build {
    SliceQueue::Work work;            // says true, too, where it ends because nobody waits for it any more
    std::function<bool()> is_wanted;  // asked of one that stands in line
  };

  explicit BuildLine(std::shared_ptr<SliceQueue> slices) : slices_(std::move(slices)) {}

  // false: too many stand in line.
  bool has_room() {
    if (at_work_ + line_.size() >= kMaxInSlices)
      std::erase_if(line_, [](const Build& build) { return !build.is_wanted(); });
    return at_work_ + line_.size() < kMaxInSlices;
  }
  void add(Build build) {
    line_.push_back(std::move(build));
    go_on();
  }
  void clear() { line_.clear(); }

private:
  void go_on() {
    while (at_work_ < kMaxBuilds && !line_.empty()) {
      ++at_work_;
      slices_->add([self = shared_from_this(), work = std::move(line_.front().work)] {
        if (!work()) return false;
        --self->at_work_;
        self->go_on();
        return true;
      });
      line_.pop_front();
    }
  }

  const std::shared_ptr<SliceQueue> slices_;
  size_t at_work_ = 0;
  std::deque<Build> line_;
};

}  // namespace e2k::supervisor
