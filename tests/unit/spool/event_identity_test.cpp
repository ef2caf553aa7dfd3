#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "worker/ca_event.h"

namespace e2k::worker {
namespace {

CaEvent event_of(const std::vector<std::byte>& value) {
  return {4, 1, 2, 3, 4, static_cast<uint32_t>(value.size()), value};
}

TEST(EventIdentity, is_the_same_for_equal_bytes_wherever_they_lie) {
  for (size_t size : {0u, 1u, 7u, 8u, 9u, 40u, 63u, 64u, 65u, 200u, 1000u}) {
    std::vector<std::byte> shifted(size + 3, std::byte{7});
    const std::vector<std::byte> value(size, std::byte{7});
    CaEvent other = event_of(value);
    other.value = std::span(shifted).subspan(3);
    EXPECT_TRUE(identity_of(event_of(value)).is(identity_of(other))) << size;
  }
}

TEST(EventIdentity, differs_with_every_byte_and_every_field) {
  std::mt19937_64 random(5);
  for (size_t size : {1u, 8u, 13u, 64u, 150u, 4096u}) {
    std::vector<std::byte> value(size);
    for (auto& b : value) b = static_cast<std::byte>(random());
    std::set<uint64_t> seen{identity_of(event_of(value)).hash};
    for (size_t i = 0; i < size; ++i) {
      value[i] ^= std::byte{1};
      EXPECT_TRUE(seen.insert(identity_of(event_of(value)).hash).second) << size << " at " << i;
      value[i] ^= std::byte{1};
    }
    EXPECT_TRUE(identity_of(event_of(value)).hash != 0);
  }
  const std::vector<std::byte> value(8);
  const CaEvent base = event_of(value);
  CaEvent type = base, status = base, severity = base, count = base, stamp = base;
  type.dbr_type = 5;
  status.status = 2;
  severity.severity = 3;
  count.count = 9;
  stamp.stamp_nanoseconds = 5;
  for (const CaEvent& other : {type, status, severity, count, stamp})
    EXPECT_FALSE(identity_of(base).is(identity_of(other)));
}

TEST(EventIdentity, that_is_not_known_is_the_same_as_nothing) {
  EXPECT_FALSE(EventIdentity{}.is(EventIdentity{}));
}

}  // namespace
}  // namespace e2k::worker
