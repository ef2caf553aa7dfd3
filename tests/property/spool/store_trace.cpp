#include "tests/property/spool/store_trace.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

// The handlers run in the middle of anything, a sanitizer's own code included.
#define E2K_PLAIN __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

#ifdef __x86_64__
extern "C" void e2k_trace_return();
asm(".text\n.globl e2k_trace_return\n.type e2k_trace_return,@function\ne2k_trace_return:\n"
    "  mov $15, %rax\n  syscall\n");
#endif

namespace e2k::testing {
namespace {

constexpr uintptr_t kPage = 4096;
constexpr size_t kMostRanges = 512;
constexpr size_t kMostOpen = 8;

struct Range {
  uintptr_t from, upto;
};
Range ranges[kMostRanges];
volatile size_t range_count = 0;
volatile uint64_t store_count = 0;
volatile uint64_t death = 0;
volatile bool is_on = false;
char folder_prefix[512];
// The pages that this thread's store was let through to.
thread_local uintptr_t open_pages[kMostOpen];
thread_local size_t open_count = 0;

E2K_PLAIN void count_one() {
  if (__atomic_add_fetch(&store_count, 1, __ATOMIC_SEQ_CST) == death) ::syscall(SYS_exit_group, kDiedAsTold);
}

E2K_PLAIN bool is_traced(uintptr_t address) {
  for (size_t i = 0; i < range_count; ++i)
    if (address >= ranges[i].from && address < ranges[i].upto) return true;
  return false;
}

E2K_PLAIN void set_protection(uintptr_t from, uintptr_t upto, int protection) {
  ::syscall(SYS_mprotect, from, upto - from, protection);
}

#ifdef __x86_64__

constexpr long long kTrapFlag = 0x100;

// As the kernel has it: a sanitizer must not come in between.
struct KernelAction {
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)();
  unsigned long mask;
};

E2K_PLAIN void set_action(int number, void (*handler)(int, siginfo_t*, void*)) {
  constexpr unsigned long kRestorer = 0x04000000;
  KernelAction action{handler, SA_SIGINFO | kRestorer, e2k_trace_return, 0};
  ::syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask);
}

E2K_PLAIN void on_fault(int number, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (!is_traced(address) || open_count == kMostOpen) {
    set_action(number, nullptr);  // a fault of its own: it happens again, for good
    return;
  }
  const uintptr_t page = address / kPage * kPage;
  open_pages[open_count++] = page;
  set_protection(page, page + kPage, PROT_READ | PROT_WRITE);
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
}

E2K_PLAIN void on_trap(int, siginfo_t*, void* context) {
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
  if (is_on) {
    count_one();
    for (size_t i = 0; i < open_count; ++i) set_protection(open_pages[i], open_pages[i] + kPage, PROT_READ);
  }
  open_count = 0;
}

#endif

E2K_PLAIN uintptr_t hex(const char*& p) {
  uintptr_t value = 0;
  for (;; ++p) {
    const int digit = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;
    if (digit < 0) return value;
    value = value * 16 + static_cast<uintptr_t>(digit);
  }
}

// Files of the folder that can be written to, and are not traced yet.
E2K_PLAIN void take_in(const char* line) {
  const char* p = line;
  const uintptr_t from = hex(p);
  ++p;
  const uintptr_t upto = hex(p);
  if (p[0] != ' ' || p[1] != 'r' || p[2] != 'w' || p[4] != 's') return;
  while (*p != 0 && *p != '/') ++p;
  for (size_t i = 0; folder_prefix[i] != 0; ++i)
    if (p[i] != folder_prefix[i]) return;
  if (!is_traced(from)) {
    if (range_count == kMostRanges) ::syscall(SYS_exit_group, 3);
    ranges[range_count] = {from, upto};
    range_count = range_count + 1;
  }
  set_protection(from, upto, PROT_READ);
}

E2K_PLAIN void look_for_mappings() {
  static char text[1 << 17];
  static volatile bool busy = false;
  while (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE)) ::syscall(SYS_sched_yield);
  const long fd = ::syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
  size_t bytes = 0;
  for (long got = 1; got > 0 && bytes + 1 < sizeof text; bytes += static_cast<size_t>(got)) {
    got = ::syscall(SYS_read, fd, text + bytes, sizeof text - 1 - bytes);
    if (got < 0) got = 0;
  }
  ::syscall(SYS_close, fd);
  text[bytes] = 0;
  for (char* line = text; *line != 0;) {
    char* end = line;
    while (*end != 0 && *end != '\n') ++end;
    const bool last = *end == 0;
    *end = 0;
    take_in(line);
    if (last) break;
    line = end + 1;
  }
  __atomic_clear(&busy, __ATOMIC_RELEASE);
}

E2K_PLAIN bool is_in_folder(const char* path) {
  for (size_t i = 0; folder_prefix[i] != 0; ++i)
    if (path[i] != folder_prefix[i]) return false;
  return true;
}

}  // namespace

bool StoreTrace::is_possible() {
#ifdef __x86_64__
  return true;
#else
  return false;
#endif
}

void StoreTrace::begin([[maybe_unused]] const std::string& folder, [[maybe_unused]] uint64_t die_at) {
#ifdef __x86_64__
  if (folder.size() >= sizeof folder_prefix) std::abort();
  std::memcpy(folder_prefix, folder.c_str(), folder.size() + 1);
  death = die_at;
  set_action(SIGSEGV, on_fault);
  set_action(SIGTRAP, on_trap);
  is_on = true;
  look_for_mappings();
#endif
}

uint64_t StoreTrace::end() {
  is_on = false;
  for (size_t i = 0; i < range_count; ++i)
    set_protection(ranges[i].from, ranges[i].upto, PROT_READ | PROT_WRITE);
  return store_count;
}

}  // namespace e2k::testing

// What the program calls to change files. A mapping is new after close() (an existing file was opened) and
// after madvise() (a new one is faulted in), before anything is stored there.
extern "C" {

// The thread sanitizer has to learn of it.
E2K_PLAIN int close(int fd) {
  static const auto next = reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, "close"));
  const int result = next(fd);
  const int error = errno;
  if (e2k::testing::is_on) e2k::testing::look_for_mappings();
  errno = error;
  return result;
}

E2K_PLAIN int madvise(void* base, size_t bytes, int advice) noexcept {
  using namespace e2k::testing;
  const auto from = reinterpret_cast<uintptr_t>(base);
  const bool traced = is_on && is_traced(from);
  if (traced) set_protection(from, from + bytes, PROT_READ | PROT_WRITE);
  const long result = ::syscall(SYS_madvise, base, bytes, advice);
  const int error = errno;
  if (traced) set_protection(from, from + bytes, PROT_READ);
  if (is_on) look_for_mappings();
  errno = error;
  return static_cast<int>(result);
}

E2K_PLAIN int rename(const char* from, const char* to) noexcept {
  if (e2k::testing::is_on && e2k::testing::is_in_folder(from)) e2k::testing::count_one();
  return static_cast<int>(::syscall(SYS_rename, from, to));
}

E2K_PLAIN int unlink(const char* path) noexcept {
  if (e2k::testing::is_on && e2k::testing::is_in_folder(path)) e2k::testing::count_one();
  return static_cast<int>(::syscall(SYS_unlink, path));
}

E2K_PLAIN int unlinkat(int folder, const char* path, int flags) noexcept {
  if (e2k::testing::is_on) e2k::testing::count_one();
  return static_cast<int>(::syscall(SYS_unlinkat, folder, path, flags));
}

E2K_PLAIN int mkdir(const char* path, mode_t mode) noexcept {
  if (e2k::testing::is_on && e2k::testing::is_in_folder(path)) e2k::testing::count_one();
  return static_cast<int>(::syscall(SYS_mkdir, path, mode));
}

E2K_PLAIN int posix_fallocate(int fd, off_t from, off_t bytes) {
  if (e2k::testing::is_on) e2k::testing::count_one();
  return ::syscall(SYS_fallocate, fd, 0, from, bytes) == 0 ? 0 : errno;
}
}
