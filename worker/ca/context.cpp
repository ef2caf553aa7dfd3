#include "worker/ca/context.h"

#include <cadef.h>
#include <errlog.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/log.h"
#include "worker/ca/libca_lines.h"

namespace e2k::worker::ca {

class LibcaLog {
public:
  // True: log this line; *dropped lines were not logged before it.
  bool admit(uint64_t* dropped) {
    const std::lock_guard lock(mutex_);
    const MonotonicNs now = monotonic_now();
    if (now.value - period_began_.value > kLinePeriodNs) {
      period_began_ = now;
      lines_ = 0;
    }
    if (++lines_ > kMaxLines) {
      ++dropped_;
      return false;
    }
    *dropped = std::exchange(dropped_, 0);
    return true;
  }
  explicit LibcaLog(ConnectFailures& to) : failures(to) {}
  ConnectFailures& failures;

private:
  static constexpr int64_t kLinePeriodNs = 10 * kNsPerSecond;
  static constexpr int kMaxLines = 50;
  std::mutex mutex_;
  MonotonicNs period_began_{0};
  int lines_ = 0;
  uint64_t dropped_ = 0;
};

namespace {

void write(LibcaLog& log, std::string_view text, bool warning) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  uint64_t dropped = 0;
  const LibcaLine line = read_libca_line(text);
  if (line.is_connect_failure) return log.failures.note(std::string(line.reason));
  if (line.code == kBadType) log.failures.note_bad_type();
  // The Connector tells of circuits, with the server and within a ceiling.
  if (line.code.starts_with("circuit_"))
    return log::debug("libca.message code={} message={}", line.code, log::quoted(text));
  if (text.empty() || !log.admit(&dropped)) return;
  if (dropped > 0) log::warn("libca.lines_dropped count={}", dropped);
  if (warning)
    log::warn("libca.message code={} message={}", line.code, log::quoted(text));
  else
    log::info("libca.message code={} message={}", line.code, log::quoted(text));
}

extern "C" void e2k_on_exception(exception_handler_args args) noexcept {
  auto& log = *static_cast<LibcaLog*>(args.usr);
  const std::string_view context = args.ctx ? args.ctx : "";
  std::string text = ca_message(args.stat);
  if (args.chid) text.append(" channel=").append(ca_name(args.chid));
  text.append(" (").append(context).append(")");
  // Of circuits the Connector tells.
  if (args.stat == ECA_DISCONN || args.stat == ECA_UNRESPTMO) return;
  write(log, text, true);
}

extern "C" void e2k_on_errlog(void* log, const char* message) noexcept {
  write(*static_cast<LibcaLog*>(log), message ? message : "", true);
}

// libca gives no argument to this one: through errlog, whose listener has it.
extern "C" int e2k_on_printf(const char* format, va_list arguments) noexcept {
  return errlogVprintf(format, arguments);
}

}  // namespace

Context::Context(ConnectFailures& failures) : log_(std::make_unique<LibcaLog>(failures)) {}

Result<std::unique_ptr<Context>> Context::create(ConnectFailures& failures) {
  std::unique_ptr<Context> out(new Context(failures));
  eltc(0);
  errlogAddListener(e2k_on_errlog, out->log_.get());
  const int status = ca_context_create(ca_enable_preemptive_callback);
  if (status != ECA_NORMAL)
    return fail(std::string("Channel Access can't be started: ") + ca_message(status) +
                "; check the EPICS_CA_* settings and the number of open files");
  ca_add_exception_event(e2k_on_exception, out->log_.get());
  ca_replace_printf_handler(e2k_on_printf);
  return out;
}

Context::~Context() {
  ca_context_destroy();
  errlogFlush();
  errlogRemoveListeners(e2k_on_errlog, log_.get());
}

}  // namespace e2k::worker::ca
