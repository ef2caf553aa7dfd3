// A worker without Channel Access and Kafka: the real link, greeted and served, with a script.
//
// The script is the contract's value converter:
//   serve                applies what it is given; names that begin with ! are orders:
//                        !crash  dies by SIGSEGV       !hang  stops itself without a word
//   books                serves, and keeps a ledger of what it is assigned
//   lying                likewise, and greets with a number that its ledger does not bear out
//   die                  exits with 1 before it greets
//   busy                 exits with 75 before it greets
//   refuse               exits with 78 before it greets
//   stubborn             stops itself when asked to clear
// What was applied is appended to <spool_path>.applied, one index and channel a line; what the contract says
// of pause, books and estates, and every pause that is told, to <spool_path>.told.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "worker/link/link.h"
#include "worker/spool/ledger.h"

namespace {

using namespace e2k;
using namespace e2k::worker;

class FakeMonitors final : public Monitors {
public:
  explicit FakeMonitors(const LaunchContract& contract)
      : stubborn_(contract.value_converter == "stubborn"),
        lies_(contract.value_converter == "lying"),
        file_(std::fopen((contract.spool_path + ".applied").c_str(), "w")) {
    if (file_ == nullptr) std::abort();
    if (contract.value_converter != "books" && !lies_) return;
    auto made = ledger::Ledger::create(contract.ledger_path, contract.slot, contract.generation, 1000);
    if (!made) std::abort();
    books_ = std::move(*made);
  }
  ~FakeMonitors() override { std::fclose(file_); }
  void post(uint64_t number, std::vector<AssignItem> items) override {
    for (const AssignItem& item : items) {
      if (const auto* add = std::get_if<AddEntry>(&item)) {
        apply(*add);
        if (add->replaces) note(*add->replaces, 0);
        note(add->index, static_cast<uint8_t>(add->entry.mask.bits));
      } else if (const auto* remove = std::get_if<RemoveEntry>(&item)) {
        note(remove->index, 0);
      }
    }
    std::fflush(file_);
    applied_ = number;
  }
  uint64_t applied() const override { return applied_; }
  uint32_t serves() const override { return serves_ + (lies_ ? 1 : 0); }
  void clear_all() override {
    if (stubborn_) raise(SIGSTOP);
    cleared_ = true;
  }
  bool cleared() const override { return cleared_; }
  uint64_t turns() const override { return ++turns_; }
  SearchReport search_report() const override { return {}; }

private:
  void note(EntryIndex index, uint8_t mask) {
    if (!books_) return;
    const uint8_t before = books_->line(index)->ca.assigned_mask.exchange(mask);
    serves_ += (mask != 0 ? 1u : 0u) - (before != 0 ? 1u : 0u);
  }

  void apply(const AddEntry& add) {
    if (add.entry.channel == "!crash") {
      signal(SIGSEGV, SIG_DFL);
      raise(SIGSEGV);
    }
    if (add.entry.channel == "!hang") raise(SIGSTOP);
    std::fprintf(file_, "%u %s\n", add.index.value, add.entry.channel.c_str());
  }

  bool stubborn_, lies_;
  std::FILE* file_;
  std::unique_ptr<ledger::Ledger> books_;
  uint32_t serves_ = 0;
  uint64_t applied_ = 0;
  bool cleared_ = false;
  mutable std::atomic<uint64_t> turns_{0};
};

class NullPublishing final : public Publishing {
public:
  uint64_t waiting() const override { return 0; }
  uint64_t turns() const override { return ++turns_; }
  int brokers_up() const override { return 1; }
  std::string last_error() const override { return ""; }
  std::string schema_problem() const override { return ""; }
  explicit NullPublishing(const LaunchContract& contract)
      : told_(std::fopen((contract.spool_path + ".told").c_str(), "w")) {
    if (told_ == nullptr) std::abort();
    std::fprintf(told_, "launched%s%s", contract.paused ? " paused" : "",
                 contract.fresh_books ? " fresh" : "");
    for (const Estate& estate : contract.estates)
      std::fprintf(told_, " %u:%s", unsigned{estate.slot.value}, estate.ledger_path.c_str());
    std::fputc('\n', told_);
    std::fflush(told_);
  }
  void set_spool_share(uint64_t) override {}
  ~NullPublishing() override { std::fclose(told_); }
  void set_held(const std::string&) override {}
  void set_paused(bool paused) override {
    if (paused == std::exchange(paused_, paused)) return;
    std::fputs(paused ? "paused\n" : "resumed\n", told_);
    std::fflush(told_);
  }

private:
  std::FILE* told_;
  bool paused_ = false;
  mutable std::atomic<uint64_t> turns_{0};
};

int serve_as_repeater() {
  const char* port = std::getenv("EPICS_CA_REPEATER_PORT");
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port == nullptr ? 0 : std::atoi(port)));
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 0;
  for (;;) pause();
}

std::string all_of(int fd) {
  std::string bytes;
  char chunk[4096];
  for (ssize_t n = 0; (n = read(fd, chunk, sizeof chunk)) > 0;) bytes.append(chunk, static_cast<size_t>(n));
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--ca-repeater") == 0) return serve_as_repeater();
  block_signals();
  const auto contract = decode_launch(all_of(3));
  if (!contract) return int(WorkerExit::not_launched);
  if (contract->value_converter == "die") return 1;
  if (contract->value_converter == "busy") return int(WorkerExit::try_again);
  if (contract->value_converter == "refuse") return int(WorkerExit::bad_settings);
  FakeMonitors monitors(*contract);
  NullPublishing publishing(*contract);
  const LinkOutcome outcome = run_link(*contract, monitors, publishing, [](const std::string&) {});
  return int(outcome.exit);
}
