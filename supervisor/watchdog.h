// Shell. Feeds systemd's watchdog from the event loop, twice in each WATCHDOG_USEC.
//
// The timer runs on the loop that does the service's work: where that stands still, so does the timer, and
// systemd ends the service. Does nothing where no watchdog is asked for (WatchdogSec=).
#pragma once

#include <systemd/sd-daemon.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>

namespace e2k::supervisor {

class Watchdog {
public:
  explicit Watchdog(boost::asio::io_context& loop) : timer_(loop) {
    uint64_t limit_us = 0;
    if (sd_watchdog_enabled(0, &limit_us) <= 0) return;
    interval_ = std::chrono::microseconds(limit_us / 2);
    feed();
  }

private:
  void feed() {
    sd_notify(0, "WATCHDOG=1");
    timer_.expires_after(interval_);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) feed();
    });
  }

  boost::asio::steady_timer timer_;
  std::chrono::microseconds interval_{};
};

}  // namespace e2k::supervisor
