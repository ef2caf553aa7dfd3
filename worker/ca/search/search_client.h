// Shell. The search client: finds out which names exist before libca hears of them.
//
// It joins the pure parts (codec, pacing, lost_hosts) to one UDP socket and the name servers' circuits. It
// has no thread: the *ca* thread calls turn() in its loop and polls on poll_on(). One thread is enough
// because what the search finds is work for that very thread; while libca holds it up no answer could be used
// anyway, and lost answers are asked for again.
//
// Names are known by number; their text is asked of the NameSource when a frame is built, so that no name is
// held twice. Beacons come from the CA repeater, with which the socket registers: a server that has just
// started makes the pacing come down and its lost names be probed at once.
#pragma once

#include <poll.h>

#include <memory>
#include <string_view>
#include <vector>

#include "common/fd.h"
#include "common/result.h"
#include "worker/ca/search/addresses.h"
#include "worker/ca/search/lost_hosts.h"
#include "worker/ca/search/name_server.h"
#include "worker/ca/search/pacing.h"

namespace e2k::worker::search {

class NameSource {
public:
  virtual ~NameSource() = default;
  virtual std::string_view name_of(NameId id) const = 0;  // empty: no such name (any more)
};

struct FoundName {
  NameId id;
  ServerAddress server;
};
struct SearchResults {
  std::vector<FoundName> found;   // names that were searched for
  std::vector<FoundName> probed;  // lost names whose probe was answered
  void clear() {
    found.clear();
    probed.clear();
  }
};

class SearchClient {
public:
  // EPICS_CA_* must be in the environment.
  static Result<std::unique_ptr<SearchClient>> open(const NameSource& names);

  void add(NameId id, Persistence persistence, MonotonicNs now);
  void remove(NameId id, MonotonicNs now);
  bool searching(NameId id) const { return pacing_.searching(id); }
  bool was_asked(NameId id) const { return pacing_.was_asked(id); }
  size_t searched_names() const { return pacing_.searched_names(); }
  LostHosts& lost() { return lost_; }

  void turn(MonotonicNs now, SearchResults& out);
  void poll_on(std::vector<pollfd>& fds) const;
  MonotonicNs next_turn(MonotonicNs now) const;

  uint64_t frames_sent() const { return frames_sent_; }

private:
  SearchClient(const NameSource& names, UniqueFd socket, SearchAddresses addresses, MonotonicNs now);

  void receive(SearchResults& out, MonotonicNs now);
  void take(SearchResults& out, MonotonicNs now);
  void take_beacon(const Beacon& beacon, MonotonicNs now);
  void send_frame(uint32_t sequence, const std::vector<NameId>& names);
  void send_bytes(const FrameBuilder& frame);
  void register_with_repeater(MonotonicNs now);
  bool holding_for_name_servers(MonotonicNs now) const;

  const NameSource& names_;
  UniqueFd socket_;
  SearchAddresses addresses_;
  std::vector<NameServer> name_servers_;
  Pacing pacing_;
  LostHosts lost_;
  PacingActions actions_;
  Received received_;
  std::vector<NameId> probes_;
  std::map<ServerAddress, uint32_t> beacons_;
  MonotonicNs opened_, next_registration_{0};
  uint64_t frames_sent_ = 0;
};

}  // namespace e2k::worker::search
