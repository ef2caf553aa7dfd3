// The logger is there before librdkafka's threads are, as in the worker: main starts it first.
#include <gtest/gtest.h>

#include "common/log.h"

namespace e2k {
namespace {

class LogEnvironment final : public ::testing::Environment {
public:
  void SetUp() override { ASSERT_TRUE(log::start("publisher_test", "info")); }
};

const auto* const environment = ::testing::AddGlobalTestEnvironment(new LogEnvironment);

}  // namespace
}  // namespace e2k
