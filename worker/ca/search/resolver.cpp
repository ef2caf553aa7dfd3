#include "worker/ca/search/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "common/fd.h"

namespace e2k::worker::search {

struct Resolver::Shared {
  std::vector<std::string> names;
  UniqueFd wake{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false, asked = false, fresh = false;  // (mutex)
  Resolution latest;                                 // (mutex)
};

namespace {

void resolve(const std::string& name, Resolution& out) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  const int error = getaddrinfo(name.c_str(), nullptr, &hints, &list);
  out.failures.erase(name);
  if (error != 0) {
    out.failures[name] = gai_strerror(error);
    return;
  }
  out.addresses[name] = ntohl(reinterpret_cast<const sockaddr_in*>(list->ai_addr)->sin_addr.s_addr);
  freeaddrinfo(list);
}

}  // namespace

Resolver::Resolver(std::vector<std::string> names) : shared_(std::make_shared<Shared>()) {
  shared_->names = std::move(names);
  if (shared_->names.empty()) return;
  std::thread([shared = shared_] {
    pthread_setname_np(pthread_self(), "dns");
    Resolution found;
    std::unique_lock lock(shared->mutex);
    while (!shared->ended) {
      lock.unlock();
      for (const std::string& name : shared->names) {
        resolve(name, found);
        if (&name == &shared->names.back()) found.complete = true;
        const std::lock_guard tell(shared->mutex);
        shared->latest = found;
        shared->fresh = true;
        eventfd_write(shared->wake.get(), 1);
      }
      lock.lock();
      shared->changed.wait_for(lock, kShortest, [&] { return shared->ended; });
      shared->changed.wait_for(lock, kPeriod - kShortest, [&] { return shared->ended || shared->asked; });
      shared->asked = false;
    }
  }).detach();
}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->ended = true;
  shared_->changed.notify_all();
}

void Resolver::ask() {
  const std::lock_guard lock(shared_->mutex);
  shared_->asked = true;
  shared_->changed.notify_all();
}

bool Resolver::take(Resolution& out) {
  const std::lock_guard lock(shared_->mutex);
  if (!std::exchange(shared_->fresh, false)) return false;
  eventfd_t count;
  eventfd_read(shared_->wake.get(), &count);
  out = shared_->latest;
  return true;
}

int Resolver::fd() const {
  return shared_->names.empty() ? -1 : shared_->wake.get();
}

}  // namespace e2k::worker::search
