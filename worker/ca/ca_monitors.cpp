#include "worker/ca/ca_monitors.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "common/log.h"
#include "worker/ca/context.h"
#include "worker/ca/delivery.h"
#include "worker/ca/keeper.h"
#include "worker/ca/version.h"

namespace e2k::worker {
namespace ca {
namespace {

constexpr auto kPatienceAtEnd = std::chrono::seconds(5);
constexpr size_t kNoticesATurn = 4000;
// While no answer is waited for that would be of use at once, beacons and whatever else comes in from outside
// do not wake the thread more often than this: a flood of them costs no processor time.
constexpr int64_t kNapNs = 5 * kNsPerMs;
// So many changes in such a time are a burst.
constexpr size_t kBurst = 500;
constexpr int64_t kBurstWindowNs = kNsPerSecond / 2;

// What the thread and its owner share. shared_ptr: the thread may have to be left behind.
struct Shared {
  Shared(Intake& intake, const MonitorSettings& s, SteeredLibca steered)
      : delivery(intake, s.connection_events), settings(s), libca(std::move(steered)) {}
  Delivery delivery;
  const MonitorSettings settings;
  SteeredLibca libca;
  ConnectFailures failures;
  std::atomic<uint64_t> applied{0}, turns{0}, frames{0};
  std::atomic<uint32_t> serves{0};
  std::atomic<bool> clear{false}, cleared{false}, stop{false};
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<void>> started;  // (mutex)
  SearchReport search_report;           // (mutex)
  bool ended = false;                   // (mutex)
};

class Loop {
public:
  explicit Loop(Shared& shared)
      : shared_(shared),
        keeper_(shared.delivery, *shared.libca.responder, shared.failures, shared.settings,
                shared.libca.environment) {}

  Result<void> open() { return keeper_.open(monotonic_now()); }

  void run() {
    while (!shared_.stop) {
      turn(monotonic_now());
      wait();
    }
    end();
  }

private:
  void turn(MonotonicNs now) {
    std::vector<Batch> batches;
    std::vector<Notice> notices;
    shared_.delivery.inbox.take(batches, notices);
    std::move(batches.begin(), batches.end(), std::back_inserter(batches_));
    notices_.insert(notices_.end(), notices.begin(), notices.end());
    if (shared_.clear && !shared_.cleared) stop_delivery();
    for (size_t n = 0; n < kNoticesATurn && !notices_.empty(); ++n) {
      if (!shared_.cleared) keeper_.take(notices_.front(), now);
      ++changes_;
      notices_.pop_front();
    }
    if (!batches_.empty()) {
      if (!shared_.cleared) keeper_.apply(batches_.front().items, now);
      changes_ += batches_.front().items.size();
      shared_.serves = keeper_.serves();
      shared_.applied = batches_.front().number;
      batches_.pop_front();
    }
    if (!shared_.cleared) keeper_.turn(now);
    keeper_.clear_some(now);
    keeper_.flush();
    trim_after_burst(now);
    shared_.frames = keeper_.search_frames_sent();
    tell_search_report();
    ++shared_.turns;
  }

  // What a burst of assignments or connections leaves behind in all threads' heaps stays with the process,
  // unless it is asked for. Here it holds up no event but for the moment that a heap is locked.
  void trim_after_burst(MonotonicNs now) {
    if (now.value - window_began_.value < kBurstWindowNs) return;
    window_began_ = now;
    const bool is_burst = std::exchange(changes_, 0) >= kBurst || (in_burst_ && keeper_.clearing());
    if (std::exchange(in_burst_, is_burst) && !is_burst) malloc_trim(0);
  }

  void tell_search_report() {
    if (keeper_.search_report() == search_report_) return;
    search_report_ = keeper_.search_report();
    const std::lock_guard lock(shared_.mutex);
    shared_.search_report = search_report_;
  }

  void stop_delivery() {
    {
      const std::lock_guard lock(shared_.delivery.lock);
      shared_.delivery.stopped = true;
    }
    shared_.cleared = true;
    keeper_.doom_all(monotonic_now());
  }

  void wait() {
    const bool work_left = !batches_.empty() || !notices_.empty() || keeper_.clearing();
    fds_.clear();
    fds_.push_back({shared_.delivery.inbox.fd(), POLLIN, 0});
    if (shared_.cleared) {
      // What is due then never comes, and nobody takes answers.
      poll_for(work_left ? 0 : kNsPerSecond / 2);
      return;
    }
    const MonotonicNs now = monotonic_now();
    const int64_t wait_ns =
        work_left ? 0 : std::clamp<int64_t>(keeper_.next_turn(now).value - now.value, 0, kNsPerSecond / 2);
    const int64_t nap_ns = keeper_.is_quiet() ? std::min(wait_ns, kNapNs) : 0;
    if (nap_ns > 0) {
      fds_.push_back({keeper_.responder_fd(), POLLIN, 0});
      if (poll_for(nap_ns)) return;
    }
    keeper_.poll_on(fds_);
    poll_for(wait_ns - nap_ns);
  }

  bool poll_for(int64_t wait_ns) {
    const timespec timeout{wait_ns / kNsPerSecond, wait_ns % kNsPerSecond};
    return ppoll(fds_.data(), fds_.size(), &timeout, nullptr) > 0;
  }

  void end() {
    if (!shared_.cleared) stop_delivery();
    while (keeper_.clearing()) {
      keeper_.clear_some(monotonic_now());
      keeper_.flush();
    }
  }

  Shared& shared_;
  Keeper keeper_;
  std::deque<Batch> batches_;
  std::deque<Notice> notices_;
  std::vector<pollfd> fds_;
  SearchReport search_report_;
  size_t changes_ = 0;  // since window_began_
  MonotonicNs window_began_{0};
  bool in_burst_ = false;
};

void tell(Shared& shared, Result<void> started) {
  const std::lock_guard lock(shared.mutex);
  shared.started = std::move(started);
  shared.changed.notify_all();
}

void run_loop(Shared& shared) {
  const auto context = Context::create(shared.failures);
  if (!context) return tell(shared, tl::unexpected(context.error()));
  Loop loop(shared);
  if (auto opened = loop.open(); !opened) return tell(shared, opened);
  tell(shared, {});
  loop.run();
}

class ThreadedMonitors final : public CaMonitors {
public:
  ThreadedMonitors(Intake& intake, const MonitorSettings& settings, SteeredLibca steered)
      : shared_(std::make_shared<Shared>(intake, settings, std::move(steered))) {}

  Result<void> start() {
    thread_ = std::thread([shared = shared_] {
      pthread_setname_np(pthread_self(), "ca");
      run_loop(*shared);
      const std::lock_guard lock(shared->mutex);
      shared->ended = true;
      shared->changed.notify_all();
    });
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [&] { return shared_->started.has_value(); });
    return *shared_->started;
  }

  ~ThreadedMonitors() override {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(shared_->delivery.lock);
      shared_->delivery.stopped = true;
    }
    shared_->stop = true;
    shared_->delivery.inbox.wake();
    std::unique_lock lock(shared_->mutex);
    if (shared_->changed.wait_for(lock, kPatienceAtEnd, [&] { return shared_->ended; })) {
      lock.unlock();
      thread_.join();
    } else {
      log::warn("ca.left_behind reason=\"libca does not end; its thread is abandoned\"");
      thread_.detach();
    }
  }

  void post(uint64_t number, std::vector<AssignItem> items) override {
    shared_->delivery.inbox.post(Batch{number, std::move(items)});
  }
  uint64_t applied() const override { return shared_->applied; }
  void clear_all() override {
    shared_->clear = true;
    shared_->delivery.inbox.wake();
  }
  bool cleared() const override { return shared_->cleared; }
  uint64_t turns() const override { return shared_->turns; }
  uint64_t search_frames_sent() const override { return shared_->frames; }
  uint32_t serves() const override { return shared_->serves; }
  std::string library() const override { return libca_version(); }
  SearchReport search_report() const override {
    const std::lock_guard lock(shared_->mutex);
    return shared_->search_report;
  }

private:
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace
}  // namespace ca

Result<std::unique_ptr<CaMonitors>> make_monitors(const MonitorSettings& settings, Intake& intake,
                                                  SteeredLibca steered) {
  auto monitors = std::make_unique<ca::ThreadedMonitors>(intake, settings, std::move(steered));
  if (auto started = monitors->start(); !started) return tl::unexpected(started.error());
  return monitors;
}

Result<std::unique_ptr<CaMonitors>> make_monitors(const MonitorSettings& settings, Intake& intake) {
  auto steered = SteeredLibca::take_over();
  if (!steered) return tl::unexpected(steered.error());
  return make_monitors(settings, intake, std::move(*steered));
}

}  // namespace e2k::worker
