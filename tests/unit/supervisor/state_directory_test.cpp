#include "supervisor/state_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace e2k::supervisor {
namespace {

struct StateDirectoryTest : testing::Test {
  StateDirectoryTest() {
    char pattern[] = "/tmp/e2k-state-XXXXXX";
    path = std::string(::mkdtemp(pattern)) + "/state";
  }
  ~StateDirectoryTest() override { std::filesystem::remove_all(std::filesystem::path(path).parent_path()); }
  std::string path;
};

TEST_F(StateDirectoryTest, a_second_supervisor_is_told_who_holds_it) {
  auto first = StateDirectory::open(path);
  ASSERT_TRUE(first) << first.error().message;
  auto second = StateDirectory::open(path);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("pid " + std::to_string(::getpid())), std::string::npos)
      << second.error().message;
}

TEST_F(StateDirectoryTest, any_folder_can_be_locked_beside_the_state) {
  ASSERT_TRUE(make_directories(path, 0755));
  auto state = StateDirectory::open(path);
  ASSERT_TRUE(state) << state.error().message;
  auto runtime = lock_directory(path, "supervisor.lock", "another place");
  ASSERT_TRUE(runtime) << runtime.error().message;
  auto second = lock_directory(path, "supervisor.lock", "another place");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another place"), std::string::npos);
}

TEST_F(StateDirectoryTest, is_locked_on_a_full_disk_too_and_names_nobody_who_is_gone) {
  ASSERT_TRUE(make_directories(path, 0755));
  std::ofstream(path + "/lock") << "1234567";
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  auto first = StateDirectory::open(path);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_TRUE(first) << first.error().message;
  auto second = StateDirectory::open(path);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("pid unknown"), std::string::npos) << second.error().message;
}

// As after an execve: the descriptor stays, whoever held it.
TEST_F(StateDirectoryTest, a_lock_that_the_image_before_left_is_taken_over) {
  auto first = StateDirectory::open(path);
  ASSERT_TRUE(first);
  const int left = ::dup(first->lock_fd());  // without close-on-exec
  auto second = StateDirectory::open(path);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->lock_fd(), left);
  EXPECT_EQ(::fcntl(left, F_GETFD), FD_CLOEXEC);
  EXPECT_FALSE(StateDirectory::open(path)) << "it is held once";
}

TEST_F(StateDirectoryTest, the_lock_ends_with_its_holder) {
  { ASSERT_TRUE(StateDirectory::open(path)); }
  EXPECT_TRUE(StateDirectory::open(path));
}

TEST_F(StateDirectoryTest, generations_are_kept_and_begin_at_none) {
  auto directory = StateDirectory::open(path);
  EXPECT_EQ(directory->last_generation()->value, 0u);
  ASSERT_TRUE(directory->keep_generation(Generation{41}));
  ASSERT_TRUE(directory->keep_generation(Generation{42}));
  EXPECT_EQ(directory->last_generation()->value, 42u);
}

TEST_F(StateDirectoryTest, a_spoilt_generation_file_is_an_error_that_names_it) {
  auto directory = StateDirectory::open(path);
  std::ofstream(path + "/generation") << "many\n";
  auto last = directory->last_generation();
  ASSERT_FALSE(last);
  EXPECT_NE(last.error().message.find(path + "/generation"), std::string::npos);
}

TEST_F(StateDirectoryTest, a_folder_that_cannot_be_made_is_named) {
  std::ofstream(std::filesystem::path(path).parent_path() / "file") << "";
  auto directory = StateDirectory::open(std::filesystem::path(path).parent_path() / "file" / "state");
  ASSERT_FALSE(directory);
  EXPECT_NE(directory.error().message.find("file/state"), std::string::npos);
}

}  // namespace
}  // namespace e2k::supervisor
