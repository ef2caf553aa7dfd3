#include "worker/publish/text_store.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace e2k::worker {
namespace {

TEST(TextStore, keeps_every_text_whatever_comes_after_it) {
  TextStore store;
  struct Kept {
    char* at;
    std::string text;
  };
  std::vector<Kept> kept;
  for (size_t n = 0; n < 3000; ++n) {
    const std::string text(n * 37 % 101 + (n % 500 == 0 ? 40'000 : 0), static_cast<char>('a' + n % 26));
    kept.push_back({store.keep(text), text});
  }
  for (const Kept& k : kept) EXPECT_EQ(std::string_view(k.at, k.text.size()), k.text);
}

TEST(TextStore, an_empty_text_has_a_place_too) {
  TextStore store;
  EXPECT_NE(store.keep(""), nullptr);
}

TEST(TextStore, replaces_in_place_what_is_not_shorter_or_was_kept_last) {
  TextStore store;
  char* first = store.keep("four");
  char* last = store.keep("last");
  EXPECT_EQ(store.replace(first, 4, "two"), first);
  EXPECT_EQ(store.replace(last, 4, "much longer"), last);
  char* moved = store.replace(first, 3, "longer too");
  EXPECT_NE(moved, first);
  EXPECT_EQ(std::string_view(moved, 10), "longer too");
  EXPECT_EQ(std::string_view(last, 11), "much longer");
}

}  // namespace
}  // namespace e2k::worker
