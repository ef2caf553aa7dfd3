#include "supervisor/status/channel_reason.h"

#include <fmt/format.h>

namespace e2k::supervisor {
namespace {

using ledger::EntryState;
using ledger::Step;

// Where no channel exists, or none any more.
std::string unconnected(const ChannelFacts& f) {
  switch (f.step) {
    case Step::unsearchable:
      return "its name is too long to be searched for: no CA search frame holds it";
    case Step::answered:
      return fmt::format("{} answers for this name; its circuit is being opened", f.host);
    case Step::circuit_refused:
      return fmt::format(
          "{} answers searches for this name and refuses connections: does its CA server live, does a "
          "firewall "
          "block TCP to it, has it sockets left? It is tried again by itself",
          f.host);
    case Step::circuit_silent:
      return fmt::format(
          "{} answers searches for this name, and no connection to it comes about: its TCP port does not "
          "accept, or "
          "nothing comes back on it. Does a firewall drop TCP to it?",
          f.host);
    case Step::name_refused:
      return fmt::format(
          "{} answers searches for this name, but refuses this name, or closes the connection, when the "
          "channel is "
          "created. It is tried again by itself",
          f.host);
    case Step::circuit_hung:
      return fmt::format(
          "{} does not respond, its circuit stands: the IOC hangs, or the network to it is down. The "
          "channel comes back by itself",
          f.host);
    case Step::circuit_lost:
      return fmt::format("{}, which served it, is gone or let go of it; it is searched for",
                         f.host.empty() ? "the IOC" : f.host);
    case Step::type_unknown:
      return fmt::format(
          "{} answers for this name, and its native type is none that Channel Access has: libca gives up the "
          "circuit "
          "over it. It is tried again by itself",
          f.host);
    case Step::none:
    case Step::searching:
    case Step::subscribing:
    case Step::receiving:
    case Step::subscription_refused:
    case Step::subscription_silent:
    case Step::array_too_large:
      break;
  }
  if (f.state == EntryState::disconnected) return "the IOC that served it is gone; it is searched for";
  return "no IOC answers for this name: is it spelt right, and does EPICS_CA_ADDR_LIST reach its IOC?";
}

std::string without_data(const ChannelFacts& f) {
  const std::string again = ". It is tried again, at least every five minutes";
  switch (f.step) {
    case Step::subscription_refused:
      return fmt::format("{} refuses the subscription: {}{}", f.host, ca_error_text(f.detail), again);
    case Step::subscription_silent:
      return fmt::format("{} does not answer the subscription{}", f.host, again);
    case Step::array_too_large:
      return fmt::format(
          "its array of up to {} elements is larger than epics.max_array_bytes allows: raise it, or set "
          "epics.auto_array_bytes = true",
          f.elements);
    case Step::type_unknown:
      return fmt::format("its native type {} is none that Channel Access has: {} is no sound CA server",
                         f.detail, f.host);
    case Step::none:
    case Step::searching:
    case Step::unsearchable:
    case Step::answered:
    case Step::circuit_refused:
    case Step::circuit_silent:
    case Step::name_refused:
    case Step::subscribing:
    case Step::receiving:
    case Step::circuit_lost:
    case Step::circuit_hung:
      break;
  }
  return "it is connected, and no event comes" + again;
}

}  // namespace

std::string channel_reason(const ChannelFacts& f) {
  switch (f.state) {
    case EntryState::unused:
    case EntryState::pending:
      return f.step == Step::none || f.step == Step::searching ? "being searched for" : unconnected(f);
    case EntryState::never_connected:
    case EntryState::disconnected:
      return unconnected(f);
    case EntryState::denied:
      return "the IOC's access security refuses reading to this user and host";
    case EntryState::no_data:
      return without_data(f);
    case EntryState::connected:
      break;
  }
  if (f.also_host.empty()) return "";
  return fmt::format("{} answers for this name, too: which of the two is meant?", f.also_host);
}

// Numbers: caerr.h of EPICS Base.
std::string ca_error_text(uint16_t number) {
  switch (number) {
    case 6:
      return "no memory (ECA 6)";
    case 9:
      return "the value is too large (ECA 9)";
    case 10:
      return "time-out (ECA 10)";
    case 14:
      return "bad type (ECA 14)";
    case 17:
      return "an internal failure (ECA 17)";
    case 19:
      return "the channel could not be read (ECA 19)";
    case 22:
      return "bad element count (ECA 22)";
    case 24:
      return "the channel is disconnected (ECA 24)";
    case 26:
      return "subscriptions are not allowed (ECA 26)";
    case 41:
      return "bad event mask (ECA 41)";
    case 46:
      return "read access denied (ECA 46)";
    case 54:
      return "not available in this server (ECA 54)";
    default:
      return fmt::format("ECA {}", number);
  }
}

}  // namespace e2k::supervisor
