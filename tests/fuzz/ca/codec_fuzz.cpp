// Datagrams and name servers' streams hold whatever the network likes to send.
#include <cstdlib>

#include "worker/ca/search/codec.h"

using namespace e2k::worker::search;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  Received datagram;
  decode_datagram(bytes, {0x7f000001, 5064}, 5064, datagram);
  // No reply can come from fewer bytes than its header.
  if ((datagram.replies.size() + datagram.beacons.size()) * kHeaderBytes > size) std::abort();

  // Every name lies within the datagram; what is answered is a datagram that is understood.
  SearchRequests requests;
  decode_requests(bytes, requests);
  ReplyBuilder reply(requests);
  size_t added = 0;
  for (const SearchRequest& request : requests.names) {
    const auto* begin = reinterpret_cast<const std::byte*>(request.name.data());
    if (!request.name.empty() && (begin < bytes.data() || begin + request.name.size() > bytes.data() + size))
      std::abort();
    added += reply.add(request.id, {0x7f000001, 5064}, 13);
  }
  Received answered;
  if (!decode_datagram(reply.bytes(), {1, 1}, 5064, answered) || answered.replies.size() != added)
    std::abort();

  // A stream says the same however it is split.
  StreamDecoder whole({0x7f000001, 5064}), split({0x7f000001, 5064});
  Received at_once, in_parts;
  const bool fine = whole.feed(bytes, at_once);
  const size_t at = size ? data[0] % size : 0;
  const bool first = split.feed(bytes.first(at), in_parts);
  const bool second = first && split.feed(bytes.subspan(at), in_parts);
  if (fine != (first && second) || (fine && at_once.replies != in_parts.replies)) std::abort();

  FrameBuilder frame(1);
  for (uint32_t id = 0; frame.add(id, {reinterpret_cast<const char*>(data), size % 1100}) && id < 70; ++id) {
    if (size < 1100) break;
  }
  if (frame.bytes().size() > kFrameBytes) std::abort();
  return 0;
}
