// Whatever is encoded comes back; whatever is garbage is an error.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "proto/control_message.h"
#include "proto/launch.h"

namespace rc {
using namespace e2k;

template <>
struct Arbitrary<AssignItem> {
  static Gen<AssignItem> arbitrary() {
    return gen::exec([]() -> AssignItem {
      if (*gen::inRange(0, 4) == 0) return RemoveEntry{EntryIndex{*gen::arbitrary<uint32_t>()}};
      AddEntry add;
      add.index = EntryIndex{*gen::arbitrary<uint32_t>()};
      add.entry.topic = *gen::arbitrary<std::string>();
      add.entry.channel = *gen::arbitrary<std::string>();
      add.entry.key = *gen::arbitrary<std::string>();
      add.entry.mask = Mask{*gen::inRange<uint8_t>(1, 16)};
      add.never_connected_published = *gen::arbitrary<bool>();
      add.was_connected = *gen::arbitrary<bool>();
      add.disconnected_published = *gen::arbitrary<bool>();
      add.unserved = *gen::arbitrary<bool>();
      return add;
    });
  }
};
}  // namespace rc

namespace e2k {
namespace {

RC_GTEST_PROP(ControlMessage, an_assign_comes_back, ()) {
  const Assign assign{*rc::gen::arbitrary<uint64_t>(), *rc::gen::arbitrary<std::vector<AssignItem>>()};
  const auto back = decode_supervisor_message(encode(SupervisorMessage(assign)));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == SupervisorMessage(assign));
}

RC_GTEST_PROP(ControlMessage, a_workers_message_comes_back, ()) {
  const auto n = *rc::gen::arbitrary<uint64_t>();
  const auto i = *rc::gen::arbitrary<int32_t>();
  const auto text = *rc::gen::arbitrary<std::string>();
  const std::vector<WorkerMessage> all = {
      Hello{Slot{static_cast<uint16_t>(n)}, Generation{static_cast<uint32_t>(n >> 16)}, i, text, "v"},
      Applied{n}, Heartbeat{n, n / 3, n / 7, text, i, text, text, text, 7, text}, Goodbye{n}};
  for (const WorkerMessage& message : all) {
    const auto back = decode_worker_message(encode(message));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == message);
  }
}

RC_GTEST_PROP(ControlMessage, any_bytes_are_taken_without_an_exception, (const std::string& bytes)) {
  (void)decode_worker_message(bytes);
  (void)decode_supervisor_message(bytes);
  (void)decode_launch(bytes);
}

RC_GTEST_PROP(ControlMessage, a_damaged_message_is_taken_without_an_exception,
              (const std::vector<AssignItem>& items)) {
  std::string bytes = encode(SupervisorMessage(Assign{1, items}));
  bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  bytes.resize(*rc::gen::inRange<size_t>(0, bytes.size() + 1));
  (void)decode_supervisor_message(bytes);
}

}  // namespace
}  // namespace e2k
