// Shell. The search client: finds out which names exist before libca hears of them.
//
// It joins the pure parts (codec, pacing, servers, beacons) to one UDP socket and the name servers' circuits.
// It has no thread: the *ca* thread calls turn() in its loop and polls on poll_on(). One thread is enough
// because what the search finds is work for that very thread; while libca holds it up no answer could be used
// anyway, and lost answers are asked for again. A turn takes a bounded number of datagrams.
//
// Names are known by number; their text is asked of the NameSource when a frame is built, so that no name is
// held twice. Beacons come from the CA repeater, with which the socket registers. Names that were asked for
// before, probes and checks together never take more than kRetryFramesPerSecond.
#pragma once

#include <poll.h>

#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "common/fd.h"
#include "common/result.h"
#include "worker/ca/search/addresses.h"
#include "worker/ca/search/beacons.h"
#include "worker/ca/search/name_server.h"
#include "worker/ca/search/pacing.h"
#include "worker/ca/search/servers.h"
#include "worker/search_report.h"

namespace e2k::worker::search {

class NameSource {
public:
  virtual ~NameSource() = default;
  virtual std::string_view name_of(NameId id) const = 0;  // as CA has it; empty: no such name (any more)
};

struct Answer {
  NameId id;
  ServerNumber server;
  uint16_t minor_version;
};
struct SearchResults {
  std::vector<Answer> found;  // for names that were searched for
  std::vector<Answer> also;   // for others: probes, checks, and whoever answers late
  void clear() {
    found.clear();
    also.clear();
  }
};

class SearchClient {
public:
  static constexpr int64_t kRetryFramesPerSecond = 60, kRetryFramesAtOnce = 30;
  static constexpr int kMaxDatagramsATurn = 512;
  static constexpr int64_t kCheckDelayNs = kNsPerSecond;
  // Names that answer and do not connect wait at their server; a name that its server lets not be created is
  // asked for again at this level of the pacing at the earliest (2.6 s).
  static constexpr uint8_t kRefusedLevel = 5;

  static Result<std::unique_ptr<SearchClient>> open(const NameSource& names,
                                                    const SearchEnvironment& environment, MonotonicNs now);

  void add(NameId id, Persistence persistence, MonotonicNs now, uint8_t level = 0);
  void remove(NameId id, MonotonicNs now);
  // Asks once, whoever answers, into `also`: within kCheckDelayNs, so that several fill a frame.
  void check(NameId id, MonotonicNs now);
  bool searching(NameId id) const { return pacing_.searching(id); }
  bool was_asked(NameId id) const { return pacing_.was_asked(id); }
  // Names that were never asked for before wait for their answers.
  bool is_asking() const { return pacing_.is_asking(); }
  Servers& servers() { return servers_; }
  const Servers& servers() const { return servers_; }
  // All channels of a server were lost: its name may stand for another address by now, its beacons begin
  // anew.
  void server_lost(ServerNumber number);

  void turn(MonotonicNs now, SearchResults& out);
  void poll_on(std::vector<pollfd>& fds) const;
  MonotonicNs next_turn(MonotonicNs now) const;

  uint64_t frames_sent() const { return frames_sent_; }
  uint64_t answers() const { return answers_; }
  const SearchReport& report() const { return report_; }

private:
  static constexpr size_t kMaxServers = 65536;

  SearchClient(const NameSource& names, UniqueFd socket, const SearchEnvironment& environment,
               MonotonicNs now);

  void take_addresses(MonotonicNs now);
  void receive(SearchResults& out, MonotonicNs now);
  void take(SearchResults& out, MonotonicNs now);
  void take_beacon(const Beacon& beacon, MonotonicNs now);
  void send_retries(MonotonicNs now);
  int64_t send_names(uint32_t sequence, const std::vector<NameId>& names);
  void send_bytes(const FrameBuilder& frame);
  void register_with_repeater(MonotonicNs now);
  bool holding(MonotonicNs now) const;

  const NameSource& names_;
  UniqueFd socket_;
  Addresses addresses_;
  std::vector<NameServer> name_servers_;
  Pacing pacing_;
  Servers servers_;
  Beacons beacons_;
  FrameBudget retries_{kRetryFramesPerSecond, kRetryFramesAtOnce};
  PacingActions actions_;
  Received received_;
  std::vector<NameId> probes_;
  std::deque<NameId> checks_;
  MonotonicNs checks_due_{0};
  uint16_t server_port_, repeater_port_;
  bool began_ = false;  // the first look at the addresses is done
  MonotonicNs opened_, next_registration_{0};
  uint64_t frames_sent_ = 0, answers_ = 0;
  SearchReport report_;
};

}  // namespace e2k::worker::search
