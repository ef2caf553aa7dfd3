#include "worker/publish/renewal.h"

#include <system_error>
#include <utility>

namespace e2k::worker {

void Elsewhere::start(std::function<void()> work, const Doorbell& bell) {
  wait();
  done_.store(false, std::memory_order_relaxed);
  const auto run = [this, work = std::move(work), &bell] {
    work();
    done_.store(true, std::memory_order_release);
    bell.ring();
  };
  try {
    thread_ = std::thread(run);
  } catch (const std::system_error&) {
    run();
  }
}

void Elsewhere::wait() {
  if (thread_.joinable()) thread_.join();
}

void Renewal::make(std::function<Made()> how, const Doorbell& bell) {
  asked_ = true;
  making_.start([this, how = std::move(how)] { made_ = how(); }, bell);
}

Renewal::Made Renewal::take() {
  making_.wait();
  asked_ = false;
  Made made = std::move(*made_);
  made_.reset();
  return made;
}

void Renewal::close(std::unique_ptr<MetadataProbe> probe, std::unique_ptr<Producer> producer,
                    const Doorbell& bell) {
  closing_.wait();
  probe_ = std::move(probe);
  former_ = std::move(producer);
  closing_.start(
      [this] {
        probe_.reset();
        former_.reset();
      },
      bell);
}

void Renewal::end() {
  making_.wait();
  closing_.wait();
  asked_ = false;
  made_.reset();
  step = Step::none;
}

}  // namespace e2k::worker
