// Pure. Takes credentials out of foreign text before anybody sees it: a server or a proxy may quote the
// request that it did not like.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace e2k::worker {

class Redaction {
public:
  // Both in the clear and as the Basic scheme writes it; the password by itself, too.
  void add_user_info(std::string_view user_info);
  void add(std::string_view secret);
  // `text` with *** for every secret in it.
  std::string apply(std::string_view text) const;

private:
  std::vector<std::string> secrets_;  // longest first
};

}  // namespace e2k::worker
