#include "supervisor/ctl/argument_words.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace e2k::supervisor::ctl {
namespace {

// What the library says of these arguments, in our words.
std::string mistake(std::vector<std::string> arguments) {
  CLI::App app("", "program");
  app.require_subcommand(0, 1);
  double seconds = 0;
  std::string text;
  int form = 0;
  app.add_option("--seconds", seconds)->check(CLI::Range(0.1, 86400.0));
  app.add_option("--wait", seconds)->check(CLI::NonNegativeNumber);
  CLI::App* verb = app.add_subcommand("verb");
  verb->add_option("NAME", text)->required();
  verb->add_option("-t,--topic", text);
  verb->add_option("--number", seconds);
  verb->add_option("--form", form)
      ->transform(CLI::CheckedTransformer(std::map<std::string, int>{{"plain", 0}, {"json", 1}}));
  CLI::App* shell = app.add_subcommand("shell");
  shell->add_option("SHELL", text)->check(CLI::IsMember({"bash", "zsh"}));
  CLI::App* group = app.add_subcommand("group");
  auto* what = group->add_option_group("what");
  bool all = false;
  what->add_option("N", form);
  what->add_flag("--all", all);
  what->require_option(1);
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return argument_mistake(error.what());
  }
  return "";
}

TEST(ArgumentWords, each_mistake_names_the_argument_and_what_is_accepted) {
  EXPECT_EQ(mistake({"verb"}), "NAME is missing");
  EXPECT_EQ(mistake({"verb", "a", "--topic"}), "--topic needs a value");
  EXPECT_EQ(mistake({"--seconds", "abc"}), "--seconds: abc is out of range; accepted: 0.1 to 86400");
  EXPECT_EQ(mistake({"verb", "a", "--number", "x"}), "--number: x is no number");
  EXPECT_EQ(mistake({"--seconds", "0"}), "--seconds: 0 is out of range; accepted: 0.1 to 86400");
  EXPECT_EQ(mistake({"verb", "a", "--form", "xml"}), "--form: xml is not accepted; accepted: json, plain");
  EXPECT_EQ(mistake({"shell", "sh"}), "SHELL: sh is not accepted; accepted: bash, zsh");
  EXPECT_EQ(mistake({"group"}), "one of these is needed: N, --all");
}

TEST(ArgumentWords, what_is_not_known_is_given_as_it_is) {
  EXPECT_EQ(argument_mistake("something else"), "something else");
  EXPECT_EQ(argument_mistake(""), "");
}

}  // namespace
}  // namespace e2k::supervisor::ctl
