#include "supervisor/ctl/top.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/clock.h"
#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/top_view.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kUsualLines = 24;

volatile std::sig_atomic_t interrupted = 0;

// Keys come as they are pressed, on a screen of its own; both as before when it ends.
class Screen {
public:
  explicit Screen(std::ostream& out) : out_(out) {
    is_raw_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (is_raw_) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    out_ << "\x1b[?1049h\x1b[?25l" << std::flush;
  }
  Screen(const Screen&) = delete;
  ~Screen() {
    out_ << "\x1b[?25h\x1b[?1049l" << std::flush;
    if (is_raw_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

  void show(const std::string& text) {
    std::string screen = "\x1b[H";
    for (const char c : text) screen += c == '\n' ? std::string("\x1b[K\r\n") : std::string(1, c);
    out_ << screen << "\x1b[K\x1b[J" << std::flush;
  }

private:
  std::ostream& out_;
  termios before_{};
  bool is_raw_ = false;
};

struct Size {
  size_t lines = kUsualLines, columns = kColumns;
};

Size size_of_terminal() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return {};
  return {size.ws_row, size.ws_col};
}

Outcome<void> look(const Client& client, bool lists, TopView& view) {
  auto status = ask(client, "/status");
  if (!status) return tl::unexpected(status.error());
  auto hosts = lists ? ask(client, "/hosts") : Outcome<Json>(Json::object());
  if (!hosts) return tl::unexpected(hosts.error());
  auto channels = lists ? ask(client, "/channels?limit=50&state=" + std::string(kNotConnectedStates))
                        : Outcome<Json>(Json::object());
  if (!channels) return tl::unexpected(channels.error());
  const double now_s = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  view.take(std::move(*status), at(*hosts, "items"), at(*channels, "items"), now_s, real_now().value);
  return {};
}

enum class Pressed { nothing, order, end };

Pressed wait_for_key(TopView& view, double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (interrupted == 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return Pressed::nothing;
    pollfd keys{STDIN_FILENO, POLLIN, 0};
    if (::poll(&keys, 1, static_cast<int>(left)) <= 0) continue;
    char key = 'q';
    if (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q') return Pressed::end;
    if (view.press(key)) return Pressed::order;
  }
  return Pressed::end;
}

Exit on_screen(const Client& client, const TopRequest& request, const Output& output) {
  TopView view;
  const Paint paint{output.colour};
  Outcome<void> looked;
  {
    Screen screen(output.out);
    for (size_t shown = 0; interrupted == 0; ++shown) {
      if (looked = look(client, true, view); !looked) break;
      Pressed pressed = Pressed::order;
      while (pressed == Pressed::order) {
        const Size size = size_of_terminal();
        screen.show(view.screen(size.lines, size.columns, paint));
        pressed = request.count && shown + 1 >= *request.count ? Pressed::end
                                                               : wait_for_key(view, request.interval_s);
      }
      if (pressed == Pressed::end) break;
    }
  }
  return looked ? Exit::ok : complain(looked.error(), output);
}

Exit in_lines(const Client& client, const TopRequest& request, const Output& output) {
  TopView view;
  for (size_t shown = 0; interrupted == 0; ++shown) {
    if (const auto looked = look(client, false, view); !looked) return complain(looked.error(), output);
    output.out << view.line() << std::flush;
    if (request.count && shown + 1 >= *request.count) break;
    ::poll(nullptr, 0, static_cast<int>(request.interval_s * 1000));
  }
  return Exit::ok;
}

}  // namespace

Exit show_top(const Client& client, const TopRequest& request, bool on_terminal, const Output& output) {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };  // without SA_RESTART: a wait ends
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  return on_terminal ? on_screen(client, request, output) : in_lines(client, request, output);
}

}  // namespace e2k::supervisor::ctl
