// Shell. Turns host names into addresses, on a thread of its own, because DNS can take as long as it likes.
//
// All names are resolved at once at the start, again every kPeriod, and soon after ask(), but not more often
// than every kShortest. Each answer is there as it comes; a name that has none keeps the address that it had.
// The thread is left behind at the end if it is in DNS; it touches nothing but what it shares. Without names
// there is no thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace e2k::worker::search {

struct Resolution {
  std::map<std::string, uint32_t> addresses;    // host order
  std::map<std::string, std::string> failures;  // name -> the resolver's words, of the last time
  bool complete = false;                        // each name was looked up at least once
};

class Resolver {
public:
  static constexpr std::chrono::seconds kPeriod{60}, kShortest{5};

  explicit Resolver(std::vector<std::string> names);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void ask();
  // True once an answer: replaces `out`.
  bool take(Resolution& out);
  // Readable when take() has something; -1: there is nothing to resolve.
  int fd() const;

private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // shared with a thread that may have to be left behind
};

}  // namespace e2k::worker::search
