// Pure. What changed between two looks at the service: its state, its reasons, workers, IOCs, blocked topics;
// and what is told of entries that changed their states.
//
// The service, reasons, workers, IOCs and topics are few: pictures of them are compared. Entries are counted
// as they change (EntryChanges); up to kTold that went the same way are told one by one, more of them are one
// line with their number and some names.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/ids.h"
#include "supervisor/control/model.h"

namespace e2k::supervisor {

// Of a kind whatever there is, by name: "worker 1", "IOC 10.0.0.1:5064".
struct Standing {
  std::string state, words;
};
using Picture = std::map<std::string, Standing>;

// In the order of cause and effect.
struct Looked {
  Picture service, reasons, workers, hosts, topics;
};
Picture picture_of_service(ServiceState state);
Picture picture_of(const std::vector<Reason>& reasons);
Picture picture_of(const std::vector<WorkerView>& workers);
Picture picture_of(const std::vector<HostView>& hosts);

class Transitions {
public:
  // What changed since the last look.
  std::vector<Transition> take(Looked now);
  // What stands, by the last look.
  std::vector<Transition> standing() const;

private:
  static constexpr size_t kKinds = 5;
  std::array<Picture, kKinds> pictures_;
};

class EntryChanges {
public:
  static constexpr size_t kTold = 20, kNames = 3;

  struct Group {
    std::optional<ShownState> before;  // none: it is new
    ShownState now;
    uint64_t entries = 0;
    std::vector<EntryId> some;  // the first kTold
  };
  void add(EntryId id, std::optional<ShownState> before, ShownState now);
  // In the order in which each way was gone first; none is left.
  std::vector<Group> take();

private:
  std::vector<Group> groups_;
};

}  // namespace e2k::supervisor
