// The fold where it is full, where rules changed, and where records come out of order.
#include <gtest/gtest.h>

#include "supervisor/commands/command_state.h"

namespace e2k::supervisor {
namespace {

std::optional<std::string> refuse_forbidden(std::string_view topic) {
  if (topic == "forbidden") return "topic forbidden is not allowed";
  return std::nullopt;
}

class FullCommands : public testing::Test {
protected:
  std::vector<Change> apply(std::string_view key, std::optional<std::string_view> value, int64_t offset) {
    std::vector<Change> changes;
    state_.apply(0, offset, 0, key, value, changes);
    return changes;
  }
  std::vector<Change> apply(std::string_view key, std::optional<std::string_view> value) {
    return apply(key, value, next_++);
  }

  CommandState state_{refuse_forbidden, 2};
  int64_t next_ = 0;
};

TEST_F(FullCommands, still_change_and_move_what_they_hold) {
  apply("a", R"({"topic":"t","mask":"v"})");
  apply("b", R"({"topic":"t","mask":"v"})");
  EXPECT_TRUE(apply("c", R"({"topic":"t","mask":"v"})").empty());
  EXPECT_NE(state_.rejections().back().reason.find("commands.max_channels"), std::string::npos);
  EXPECT_EQ(apply("a", R"({"topic":"t","mask":"a"})").size(), 1u);
  EXPECT_EQ(apply("a", R"({"topic":"u","mask":"a"})").size(), 2u);
  EXPECT_EQ(state_.size(), 2u);
}

TEST_F(FullCommands, refuse_a_move_that_leaves_the_old_entry_to_another_key) {
  apply("a", R"({"topic":"t","mask":"v"})");
  apply(R"({"topic":"t","channel":"a"})", R"({"mask":"v"})");
  apply("b", R"({"topic":"t","mask":"v"})");
  EXPECT_TRUE(apply("a", R"({"topic":"u","mask":"v"})").empty());
  EXPECT_EQ(state_.size(), 2u);
}

TEST_F(FullCommands, refuse_endless_spellings_of_one_key) {
  for (size_t blanks = 0; blanks < 100; ++blanks)
    apply("{" + std::string(blanks, ' ') + R"("topic":"t","channel":"a"})", R"({"mask":"v"})");
  EXPECT_EQ(state_.size(), 1u);
  EXPECT_LE(state_.keys(), 8u);
}

TEST_F(FullCommands, take_no_more_from_a_snapshot_either) {
  for (const char* name : {"a", "b", "c"})
    state_.restore({name, {"t", name, Mask{1}, ""}, KeyForm::plain, 0, 1, false, false});
  EXPECT_EQ(state_.size(), 2u);
}

TEST_F(FullCommands, from_a_snapshot_that_the_rule_refuses_by_now_are_left_out) {
  state_.restore({"c", {"forbidden", "c", Mask{1}, ""}, KeyForm::plain, 0, 7, false, false});
  EXPECT_EQ(state_.size(), 0u);
}

TEST_F(FullCommands, that_are_older_than_the_effective_one_change_nothing) {
  apply("c", R"({"topic":"t","mask":"a"})", 10);
  EXPECT_TRUE(apply(R"({"topic":"t","channel":"c"})", R"({"mask":"v"})", 5).empty());
  EXPECT_EQ(state_.find("t", "c")->mask, Mask{Mask::kAlarm});
}

}  // namespace
}  // namespace e2k::supervisor
