// Shell. libcurl's handles with owners, and its options by their types.
//
// curl_global_init comes before the first of them, once a process and by one thread: is_ready().
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

namespace e2k::curl {

struct EasyCleanup {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct ListCleanup {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;
using List = std::unique_ptr<curl_slist, ListCleanup>;

// A local of static duration is made by one thread only.
inline bool is_ready() {
  static const CURLcode made = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  return made == CURLE_OK;
}

// Of options whose values are ours: libcurl refuses one only where it was built without the feature.
template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  ::curl_easy_setopt(easy, option, value);
}
template <class Value>
void set(const Easy& easy, CURLoption option, Value value) {
  set(easy.get(), option, value);
}

inline void append(List& list, const std::string& line) {
  if (curl_slist* longer = ::curl_slist_append(list.get(), line.c_str())) {
    (void)list.release();  // it is the head of `longer`
    list.reset(longer);
  }
}

}  // namespace e2k::curl
