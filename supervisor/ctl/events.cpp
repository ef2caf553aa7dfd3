#include "supervisor/ctl/events.h"

#include <poll.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/clock.h"
#include "common/text.h"
#include "supervisor/ctl/channel_view.h"
#include "supervisor/ctl/event_stream.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

constexpr int kPauseMs = 1000;  // before the service is asked again

volatile std::sig_atomic_t interrupted = 0;

class Printer {
public:
  Printer(bool follow, const Output& output) : follow_(follow), output_(output) {}

  // false: all that is wanted was told.
  bool take(std::string_view bytes) {
    bool goes_on = true;
    for (const SentEvent& event : stream_.take(bytes)) {
      const Json data = Json::parse(event.data, nullptr, false);
      if (event.kind == "standing" || event.kind == "change") print(data);
      if (event.kind == "missed" || event.kind == "dropped")
        output_.err << printable(text_in(data, "text")) << '\n';
      goes_on = goes_on && (follow_ || event.kind != "live");
    }
    output_.out << std::flush;
    return goes_on && interrupted == 0;
  }
  void gone() {
    stream_.begin_anew();
    if (is_away_) return;
    is_away_ = true;
    print_line({{"time", iso8601_utc(real_now().value)},
                {"what", "service"},
                {"before", nullptr},
                {"state", "not answering"},
                {"text", ""}});
    output_.out << std::flush;
  }
  // Where it goes on.
  std::vector<std::string> headers() const {
    return stream_.last_id().empty() ? std::vector<std::string>{}
                                     : std::vector{"Last-Event-ID: " + stream_.last_id()};
  }

private:
  void print(const Json& transition) {
    is_away_ = false;
    print_line(transition);
  }
  void print_line(const Json& transition) {
    output_.out << (output_.json ? transition.dump(-1, ' ', false, Json::error_handler_t::replace)
                                 : event_line(transition))
                << '\n';
  }

  const bool follow_;
  const Output& output_;
  EventStream stream_;
  bool is_away_ = false;
};

}  // namespace

std::string event_line(const Json& transition) {
  std::string line =
      stamp_words(at(transition, "time")) + "  " + printable(text_in(transition, "what")) + ": ";
  if (const std::string before = text_in(transition, "before"); !before.empty())
    line += printable(before) + " -> ";
  line += printable(text_in(transition, "state"));
  if (const std::string words = text_in(transition, "text"); !words.empty()) line += ": " + printable(words);
  return line;
}

Exit show_events(const Client& client, bool follow, const Output& output) {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };  // without SA_RESTART: a wait ends
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  Printer printer(follow, output);
  bool was_there = false;
  while (true) {
    const auto followed = client.follow("/events", printer.headers(),
                                        [&](std::string_view bytes) { return printer.take(bytes); });
    if (!followed && !was_there) return complain(followed.error(), output);
    was_there = true;
    if (!follow || interrupted != 0) return Exit::ok;
    printer.gone();
    ::poll(nullptr, 0, kPauseMs);
    if (interrupted != 0) return Exit::ok;
  }
}

}  // namespace e2k::supervisor::ctl
