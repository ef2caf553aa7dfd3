// Pure. How far an entry's events get, link by link: command, entry, worker, search, IOC, last event, spool,
// topic, Kafka; and which link is the first that is broken, with what mends it.
//
// Made of the supervisor's answers alone: the status, the entry, the IOCs. What lies behind a broken link and
// can't be told is `unknown`.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {

enum class LinkState { ok, broken, unknown };
const char* to_string(LinkState state);  // "ok", "broken", "unknown"

struct Link {
  std::string name;
  LinkState state = LinkState::ok;
  std::string words;
  std::string remedy = {};  // of a broken one
  std::string since = {};   // ISO 8601, as the supervisor writes it; ""
};

struct Chain {
  std::string channel, topic;
  std::vector<Link> links;

  const Link* first_broken() const;
};

// The supervisor's answers. `hosts`: the items of /hosts.
struct Answers {
  const nlohmann::json& status;
  const nlohmann::json& hosts;
  int64_t now_unix_ns = 0;
};

Chain chain_of(const nlohmann::json& entry, const Answers& answers);
std::string chain_text(const Chain& chain, int64_t now_unix_ns, const Paint& paint);
nlohmann::json chain_json(const Chain& chain);

// The names that are nearest to a word, whatever their case; those that are too far off are none of them.
class NearNames {
public:
  static constexpr size_t kNames = 3;

  explicit NearNames(std::string_view word);
  void add(std::string_view name);
  const std::vector<std::string>& best() const { return names_; }

private:
  std::string word_, lower_;
  std::vector<std::string> names_;  // nearest first
  std::vector<size_t> distances_;
};

}  // namespace e2k::supervisor::ctl
