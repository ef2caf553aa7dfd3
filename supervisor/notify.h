// Shell. What systemd is told: READY, STATUS, RELOADING, STOPPING; watchdog.h tells it that the loop runs.
// Does nothing when NOTIFY_SOCKET is not set.
#pragma once

#include <systemd/sd-daemon.h>

#include <chrono>
#include <optional>
#include <string>

#include "common/clock.h"

namespace e2k::supervisor {

class Notify {
public:
  void ready() {
    if (!ready_) sd_notify(0, "READY=1");
    ready_ = true;
  }
  // Ended by READY: this image's where nothing came of it, or that of the image which takes its place.
  void reloading() {
    sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_now().value / 1000)).c_str());
  }
  void reload_ended() {
    if (ready_) sd_notify(0, "READY=1");
  }
  void status(const std::string& text) {
    if (text == status_) return;
    status_ = text;
    sd_notify(0, ("STATUS=" + text).c_str());
  }
  void stopping() { sd_notify(0, "STOPPING=1"); }

private:
  bool ready_ = false;
  std::string status_;
};

}  // namespace e2k::supervisor
