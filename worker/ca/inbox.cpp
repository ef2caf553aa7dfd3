#include "worker/ca/inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <iterator>
#include <utility>

namespace e2k::worker::ca {

Inbox::Inbox() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Inbox::post(Batch batch) {
  const std::lock_guard lock(mutex_);
  batches_.push_back(std::move(batch));
  if (!std::exchange(woken_, true)) eventfd_write(wake_.get(), 1);
}

void Inbox::post(const Notice& notice) {
  const std::lock_guard lock(mutex_);
  notices_.push_back(notice);
  if (!std::exchange(woken_, true)) eventfd_write(wake_.get(), 1);
}

void Inbox::wake() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(woken_, true)) eventfd_write(wake_.get(), 1);
}

bool Inbox::take(std::vector<Batch>& batches, std::vector<Notice>& notices) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(woken_, false)) {
    eventfd_t count;
    eventfd_read(wake_.get(), &count);
  }
  const bool any = !batches_.empty() || !notices_.empty();
  batches.insert(batches.end(), std::make_move_iterator(batches_.begin()),
                 std::make_move_iterator(batches_.end()));
  notices.insert(notices.end(), notices_.begin(), notices_.end());
  batches_.clear();
  notices_.clear();
  return any;
}

}  // namespace e2k::worker::ca
