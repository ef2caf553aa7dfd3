#include "common/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <regex>

#include "common/fd.h"

namespace e2k {
namespace {

using namespace std::string_literals;

// What `write` logs, with stderr led into a file meanwhile; JOURNAL_STREAM names that file or another.
std::string logged(bool to_journal, const std::string& level, void (*write)()) {
  char name[] = "/tmp/e2k-log-XXXXXX";
  const UniqueFd file(mkstemp(name));
  unlink(name);
  struct stat s {};
  fstat(file.get(), &s);
  setenv("JOURNAL_STREAM",
         (std::to_string(s.st_dev) + ":" + std::to_string(s.st_ino + (to_journal ? 0 : 1))).c_str(), 1);
  fflush(stderr);
  const UniqueFd saved(dup(STDERR_FILENO));
  dup2(file.get(), STDERR_FILENO);
  EXPECT_TRUE(log::start("worker.3", level));
  write();
  fflush(stderr);
  dup2(saved.get(), STDERR_FILENO);
  unsetenv("JOURNAL_STREAM");
  std::string text(static_cast<size_t>(lseek(file.get(), 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

TEST(Log, lines_for_the_journal_begin_with_their_priority_and_have_no_time) {
  EXPECT_EQ(logged(true, "debug",
                   [] {
                     log::error("a");
                     log::warn("b");
                     log::info("c n={}", 1);
                     log::debug("d");
                   }),
            "<3>worker.3 a\n<4>worker.3 b\n<6>worker.3 c n=1\n<7>worker.3 d\n");
}

TEST(Log, lines_for_a_terminal_begin_with_a_utc_stamp) {
  const std::string text = logged(false, "info", [] { log::warn("ready channels={}", 7); });
  EXPECT_TRUE(std::regex_match(
      text, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z warning worker\.3 ready channels=7\n)")))
      << text;
}

TEST(Log, lines_below_the_level_are_not_written) {
  EXPECT_EQ(logged(true, "warning", [] { log::info("quiet"); }), "");
  EXPECT_EQ(logged(true, "warning",
                   [] {
                     EXPECT_TRUE(log::set_level("info"));
                     log::info("now");
                   }),
            "<6>worker.3 now\n");
}

TEST(Log, an_unknown_level_is_refused_with_the_accepted_ones) {
  const auto result = log::set_level("loud");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "no log level \"loud\"; accepted: trace, debug, info, warning, error");
}

TEST(Log, quoted_text_cannot_forge_a_line) {
  EXPECT_EQ(log::quoted("plain:name"), "\"plain:name\"");
  EXPECT_EQ(log::quoted("a\"b\\c\nd\te\r\x1b[31m"), R"("a\"b\\c\nd\te\x0d\x1b[31m")");
  EXPECT_EQ(log::quoted("20 \u00b0C"), "\"20 \u00b0C\"");
  EXPECT_EQ(log::quoted("20 \xb0"), R"("20 \xb0")");
  EXPECT_EQ(log::quoted("\u0085"), R"("\xc2\x85")");
}

TEST(Log, quoted_text_is_cut_at_a_character) {
  EXPECT_EQ(log::quoted(std::string(512, 'x')), "\"" + std::string(512, 'x') + "\"");
  EXPECT_EQ(log::quoted(std::string(511, 'x') + "\u00b0"), "\"" + std::string(511, 'x') + "…\"");
}

}  // namespace
}  // namespace e2k
