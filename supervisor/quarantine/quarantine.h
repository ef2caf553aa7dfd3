// Pure. The channels that are set aside, and the bytes in which they outlive the supervisor.
//
// The bytes are MessagePack: [version, [[channel, since, [[slot, generation, signal, at, thread, log,
// position]…], command offset]…]]. A later version may add elements at the ends, which are left alone.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "supervisor/quarantine/evidence.h"

namespace e2k::supervisor {

class Quarantine {
public:
  // One that is there already keeps its beginning and gets the evidence besides.
  void add(Quarantined channel);
  // false: it was not there.
  bool remove(std::string_view channel);
  const Quarantined* find(std::string_view channel) const;
  bool empty() const { return channels_.empty(); }
  size_t size() const { return channels_.size(); }
  // By name.
  const std::map<std::string, Quarantined, std::less<>>& all() const { return channels_; }
  // CHANNEL_QUARANTINED; "": none is.
  std::string problem() const;

  std::string encode() const;
  static Result<Quarantine> decode(std::string_view bytes);

private:
  std::map<std::string, Quarantined, std::less<>> channels_;
};

}  // namespace e2k::supervisor
