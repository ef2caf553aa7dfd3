#include "worker/crash_mark.h"

#include <signal.h>

namespace e2k::worker {
namespace {

std::atomic<ledger::Header*> marked{nullptr};

// Only what is allowed in a handler of signals. Its return repeats what crashed, or abort() goes on: the
// process dies by the signal, as it would have.
extern "C" void e2k_on_crash(int signal, siginfo_t* info, void*) {
  constexpr int kAborted = SI_TKILL;  // raise() and abort(): of this thread
  const bool own = info->si_code > 0 || info->si_code == kAborted;
  ledger::Header* const books = marked.load(std::memory_order_relaxed);
  const auto what = static_cast<uint16_t>(signal << 8 | crash_mark);
  if (own && books != nullptr) books->crashed.store(what, std::memory_order_release);
  if (info->si_code <= 0) ::raise(signal);
}

}  // namespace

void mark_crashes_in(ledger::Header& books) {
  marked.store(&books);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) continue;
    struct sigaction mark {};
    mark.sa_sigaction = e2k_on_crash;
    mark.sa_flags = SA_SIGINFO | static_cast<int>(SA_RESETHAND) | SA_NODEFER | SA_ONSTACK;
    ::sigaction(signal, &mark, nullptr);
  }
}

}  // namespace e2k::worker
