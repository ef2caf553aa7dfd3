// Shell. Works that take longer than a turn of the event loop may: a slice of one of them a turn, of each in
// turn, so that neither they nor anything else waits for a long one. One thread, the event loop's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

namespace e2k::supervisor {

class SliceQueue : public std::enable_shared_from_this<SliceQueue> {
public:
  // Does a slice; true: it was the last one.
  using Work = std::function<bool()>;

  explicit SliceQueue(boost::asio::io_context& loop) : loop_(loop) {}

  void add(Work work) {
    works_.push_back(std::move(work));
    if (works_.size() == 1 && !is_turning_) post();
  }
  size_t size() const { return works_.size(); }
  // None of them is gone on with. Not to be called by one.
  void clear() { works_.clear(); }

private:
  void post() {
    boost::asio::post(loop_, [self = shared_from_this()] { self->turn(); });
  }
  void turn() {
    if (works_.empty()) return;
    Work work = std::move(works_.front());
    works_.pop_front();
    is_turning_ = true;
    const bool is_done = work();
    is_turning_ = false;
    if (!is_done) works_.push_back(std::move(work));
    if (!works_.empty()) post();
  }

  boost::asio::io_context& loop_;
  std::deque<Work> works_;
  bool is_turning_ = false;
};

}  // namespace e2k::supervisor
