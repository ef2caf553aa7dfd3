#include "worker/ca/way.h"

namespace e2k::worker::ca {
namespace {

WayStep searching(WayEvent event) {
  switch (event) {
    case WayEvent::wanted:
      return {Phase::searching, kSearch};
    case WayEvent::answered:
      return {Phase::connecting, kCreate};
    case WayEvent::answered_wait:
      return {Phase::waiting, kPark};
    case WayEvent::admitted:
    case WayEvent::ask_again:
    case WayEvent::answered_elsewhere:
    case WayEvent::up:
    case WayEvent::down_gone:
    case WayEvent::down_hung:
    case WayEvent::circuit_gone:
    case WayEvent::let_go:
      break;
  }
  return {Phase::searching};
}

WayStep waiting(WayEvent event) {
  switch (event) {
    case WayEvent::wanted:
    case WayEvent::ask_again:
      return {Phase::waiting, kSearchBriefly};
    case WayEvent::answered:
    case WayEvent::admitted:
      return {Phase::connecting, kLeave | kCreate};
    case WayEvent::answered_wait:
      return {Phase::waiting, kPark};
    case WayEvent::answered_elsewhere:
    case WayEvent::up:
    case WayEvent::down_gone:
    case WayEvent::down_hung:
    case WayEvent::circuit_gone:
    case WayEvent::let_go:
      break;
  }
  return {Phase::waiting};
}

WayStep connecting(WayEvent event) {
  switch (event) {
    case WayEvent::up:
      return {Phase::connected, kStopSearch | kLeave | kCount | kSubscribe};
    case WayEvent::circuit_gone:
      return {Phase::waiting, kClear | kPark | kFail};
    case WayEvent::let_go:
      return {Phase::searching, kClear | kLeave | kSearchLater};
    case WayEvent::answered_elsewhere:
      return {Phase::connecting, kClear | kLeave | kCreate};
    case WayEvent::ask_again:
      return {Phase::connecting, kSearchBriefly};
    case WayEvent::wanted:
    case WayEvent::answered:
    case WayEvent::answered_wait:
    case WayEvent::admitted:
    case WayEvent::down_gone:
    case WayEvent::down_hung:
      break;
  }
  return {Phase::connecting};
}

WayStep connected(WayEvent event) {
  switch (event) {
    case WayEvent::down_gone:
      return {Phase::waiting, kClear | kPark};
    case WayEvent::down_hung:
      return {Phase::hung, kPark};
    case WayEvent::wanted:
    case WayEvent::answered:
    case WayEvent::answered_wait:
    case WayEvent::admitted:
    case WayEvent::ask_again:
    case WayEvent::answered_elsewhere:
    case WayEvent::up:
    case WayEvent::circuit_gone:
    case WayEvent::let_go:
      break;
  }
  return {Phase::connected};
}

WayStep hung(WayEvent event) {
  switch (event) {
    case WayEvent::up:
      return {Phase::connected, kStopSearch | kLeave | kCount | kSubscribe};
    case WayEvent::circuit_gone:
      return {Phase::waiting, kClear};
    case WayEvent::answered:
    case WayEvent::admitted:
      return {Phase::connecting, kClear | kLeave | kCreate};
    case WayEvent::ask_again:
    case WayEvent::wanted:
      return {Phase::hung, kSearchBriefly};
    case WayEvent::answered_wait:
    case WayEvent::answered_elsewhere:
    case WayEvent::down_gone:
    case WayEvent::down_hung:
    case WayEvent::let_go:
      break;
  }
  return {Phase::hung};
}

}  // namespace

WayStep step(Phase phase, WayEvent event) {
  switch (phase) {
    case Phase::searching:
      return searching(event);
    case Phase::waiting:
      return waiting(event);
    case Phase::connecting:
      return connecting(event);
    case Phase::connected:
      return connected(event);
    case Phase::hung:
      return hung(event);
  }
  return {phase};
}

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::searching:
      return "searching";
    case Phase::waiting:
      return "waiting";
    case Phase::connecting:
      return "connecting";
    case Phase::connected:
      return "connected";
    case Phase::hung:
      return "hung";
  }
  return "";
}

}  // namespace e2k::worker::ca
