// Shell. What waits for the *ca* thread: assignments from the *link* thread, notices from libca's callbacks.
//
// Unbounded but small by nature: the supervisor sends the next assignments when the last ones were applied,
// and a channel has at most a notice a transition. Any thread posts, one thread takes; an eventfd wakes it.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "common/fd.h"
#include "proto/control_message.h"

namespace e2k::worker::ca {

struct Batch {
  uint64_t number;
  std::vector<AssignItem> items;
};

struct Notice {
  enum class What : uint8_t {
    up,
    down,
    readable,   // read access came back
    unfit,      // a subscription was answered with an error, or a scalar's without a value
    excess,     // more elements came than the channel declares
    malformed,  // fewer came than the message said
    meeting,    // an entry that goes over waits for the old subscription to come as far as the new one
    crossed,    // entries went over: what they left is to be closed
  };
  uint32_t channel;      // its number
  uint32_t incarnation;  // of the chid that it is about
  What what;
};

class Inbox {
public:
  Inbox();
  void post(Batch batch);
  void post(const Notice& notice);
  void wake();
  // Appends what came; false: nothing.
  bool take(std::vector<Batch>& batches, std::vector<Notice>& notices);
  int fd() const { return wake_.get(); }

private:
  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<Batch> batches_;
  std::vector<Notice> notices_;
  bool woken_ = false;
};

}  // namespace e2k::worker::ca
