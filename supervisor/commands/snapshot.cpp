#include "supervisor/commands/snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <msgpack.hpp>
#include <utility>

#include "common/fd.h"
#include "proto/crc32c.h"
#include "proto/msgpack_fields.h"

namespace e2k::supervisor {
namespace {

// Version ledger:   1  one array, its offsets before its keys (never released)
//                   2  a stream
constexpr uint32_t kVersion = 2;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kPieceBytes = 256 << 10;
constexpr uint32_t kMaxElements = 16'000'000;
constexpr uint32_t kMaxTextBytes = 16u << 20;
constexpr uint32_t kMaxDepth = 4;
// A zone's memory is used again for as many keys.
constexpr size_t kKeysOfAZone = 1000;
constexpr const char* kFile = "/commands.snapshot";

void pack_key(msgpack::packer<msgpack::sbuffer>& out, const CommandState::LiveKey& key) {
  out.pack_array(11);
  out.pack(key.raw_key);
  out.pack(key.entry.topic);
  out.pack(key.entry.channel);
  out.pack(key.entry.mask.bits);
  out.pack(key.entry.key);
  out.pack(static_cast<uint32_t>(key.form));
  out.pack(key.partition);
  out.pack(key.offset);
  out.pack(key.never_connected_published);
  out.pack(key.was_connected);
  out.pack(key.disconnected_published);
}

bool take_key(const msgpack::object& object, CommandState::LiveKey& key) {
  wire::Fields fields(object);
  fields.take(key.raw_key);
  fields.take(key.entry.topic);
  fields.take(key.entry.channel);
  fields.take(key.entry.mask.bits);
  fields.take(key.entry.key);
  fields.take_enum(key.form, KeyForm::json);
  fields.take(key.partition);
  fields.take(key.offset);
  fields.take(key.never_connected_published);
  fields.take(key.was_connected);
  fields.take(key.disconnected_published);
  // A mask of 0 would make an IOC drop the circuit; a name that is too long does not fit a row.
  return fields.ok() && key.entry.mask.bits >= 1 && key.entry.mask.bits <= 15 && !key.entry.channel.empty() &&
         key.entry.channel.size() <= kMaxChannelNameBytes && !key.entry.topic.empty() &&
         key.entry.topic.size() <= kMaxTopicBytes;
}

void pack_offsets(msgpack::packer<msgpack::sbuffer>& out, const std::map<int32_t, int64_t>& offsets) {
  out.pack_array(static_cast<uint32_t>(offsets.size()));
  for (const auto& [partition, offset] : offsets) {
    out.pack_array(2);
    out.pack(partition);
    out.pack(offset);
  }
}

bool take_offsets(const msgpack::object* list, std::map<int32_t, int64_t>& offsets) {
  if (list == nullptr || list->type != msgpack::type::ARRAY) return false;
  for (uint32_t i = 0; i < list->via.array.size; ++i) {
    wire::Fields pair(list->via.array.ptr[i]);
    int32_t partition = 0;
    int64_t offset = 0;
    pair.take(partition);
    pair.take(offset);
    if (!pair.ok()) return false;
    offsets[partition] = offset;
  }
  return true;
}

bool take_texts(const msgpack::object* list, std::vector<std::string>& texts) {
  if (list == nullptr || list->type != msgpack::type::ARRAY) return false;
  for (uint32_t i = 0; i < list->via.array.size; ++i) {
    const msgpack::object& text = list->via.array.ptr[i];
    if (text.type != msgpack::type::STR) return false;
    texts.emplace_back(text.via.str.ptr, text.via.str.size);
  }
  return true;
}

uint32_t checksum_at_the_end(std::string_view bytes) {
  uint32_t checksum = 0;
  for (size_t i = 0; i < kChecksumBytes; ++i)
    checksum |= uint32_t{static_cast<unsigned char>(bytes[bytes.size() - kChecksumBytes + i])} << (8 * i);
  return checksum;
}

// The objects of a file, one after the other.
class Objects {
public:
  explicit Objects(std::string_view bytes) : bytes_(bytes) {}
  // Valid until the next call; nothing: it is no MessagePack, or cut short.
  std::optional<msgpack::object> next() {
    if (++taken_ % kKeysOfAZone == 0) zone_.clear();
    try {
      return msgpack::unpack(
          zone_, bytes_.data(), bytes_.size(), at_,
          [](msgpack::type::object_type, size_t, void*) { return true; }, nullptr,
          msgpack::unpack_limit(kMaxElements, 0, kMaxTextBytes, 0, 0, kMaxDepth));
    } catch (const msgpack::unpack_error&) {
      return std::nullopt;
    }
  }
  bool at_the_end() const { return at_ == bytes_.size(); }

private:
  std::string_view bytes_;
  size_t at_ = 0, taken_ = 0;
  msgpack::zone zone_;
};

Result<SnapshotTail> take_tail(const msgpack::object& object) {
  SnapshotTail tail;
  wire::Fields fields(object);
  const msgpack::object* const offsets = fields.next();
  fields.take(tail.shrank);
  fields.take(tail.renewed);
  fields.take(tail.log.id);
  const msgpack::object* const begins = fields.next();
  const msgpack::object* const ended = fields.next();
  if (!fields.ok()) return fail("its tail is spoilt");
  if (!take_offsets(offsets, tail.next_offsets) || !take_offsets(begins, tail.log.begins))
    return fail("its offsets are spoilt");
  if (!take_texts(ended, tail.ended)) return fail("what ended is spoilt");
  return tail;
}

}  // namespace

void SnapshotPieces::add(const CommandState::LiveKey& key) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> out(buffer);
  pack_key(out, key);
  bytes_.append(buffer.data(), buffer.size());
}

std::optional<std::string> SnapshotPieces::take_full() {
  if (bytes_.size() < kPieceBytes) return std::nullopt;
  return take_rest();
}

std::string SnapshotPieces::take_rest() {
  return std::exchange(bytes_, {});
}

std::string snapshot_head(std::string_view topic, size_t keys) {
  msgpack::sbuffer head;
  msgpack::packer<msgpack::sbuffer> out(head);
  out.pack_array(3);
  out.pack(kVersion);
  out.pack(topic);
  out.pack(static_cast<uint64_t>(keys));
  return {head.data(), head.size()};
}

std::string snapshot_end(const SnapshotTail& tail) {
  msgpack::sbuffer bytes;
  msgpack::packer<msgpack::sbuffer> out(bytes);
  out.pack_nil();
  out.pack_array(6);
  pack_offsets(out, tail.next_offsets);
  out.pack(tail.shrank);
  out.pack(tail.renewed);
  out.pack(tail.log.id);
  pack_offsets(out, tail.log.begins);
  out.pack(tail.ended);
  return {bytes.data(), bytes.size()};
}

std::string snapshot_checksum(uint32_t crc) {
  std::string bytes;
  for (size_t i = 0; i < kChecksumBytes; ++i) bytes += static_cast<char>(crc >> (8 * i) & 0xff);
  return bytes;
}

SnapshotFile::SnapshotFile(const std::string& directory, std::string_view topic, size_t keys)
    : directory_(directory),
      file_(directory + kFile),
      temporary_(file_ + ".new"),
      out_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)) {
  if (!out_) fail_with(temporary_);
  write(snapshot_head(topic, keys));
}

SnapshotFile::~SnapshotFile() {
  if (out_) ::unlink(temporary_.c_str());
}

void SnapshotFile::append(std::string_view pieces) {
  write(pieces);
}

Result<void> SnapshotFile::commit(const SnapshotTail& tail) {
  write(snapshot_end(tail));
  write(snapshot_checksum(checksum_));
  if (error_.empty() && ::fsync(out_.get()) != 0) fail_with(temporary_);
  if (!error_.empty()) return fail(error_ + "; the snapshot of before stays, make room or mend the disk");
  if (std::rename(temporary_.c_str(), file_.c_str()) != 0) fail_with(file_);
  if (!error_.empty()) return fail(error_);
  out_.reset();
  UniqueFd folder(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0)
    return fail(fmt::format("{}: {}", directory_, std::strerror(errno)));
  return {};
}

void SnapshotFile::write(std::string_view bytes) {
  if (!error_.empty()) return;
  checksum_ = crc32c(checksum_, bytes.data(), bytes.size());
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(out_.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_with(temporary_);
    done += static_cast<size_t>(n);
  }
}

void SnapshotFile::fail_with(const std::string& path) {
  if (error_.empty()) error_ = fmt::format("{}: {}", path, std::strerror(errno));
}

Result<std::optional<SnapshotTail>> read_snapshot(std::string_view bytes, const SnapshotVisitor& visitor) {
  if (bytes.size() < kChecksumBytes) return fail("it is cut short");
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (crc32c(0, body.data(), body.size()) != checksum_at_the_end(bytes))
    return fail("its checksum does not match");
  Objects objects(body);
  uint32_t version = 0;
  std::string topic;
  uint64_t keys = 0;
  const auto head = objects.next();
  if (!head) return fail("it is not a snapshot");
  wire::Fields fields(*head);
  fields.take(version);
  if (!fields.ok()) return fail("it is not a snapshot");
  if (version != kVersion) return fail(fmt::format("its version is {}, not {}", version, kVersion));
  fields.take(topic);
  fields.take(keys);
  if (!fields.ok()) return fail("its head is spoilt");
  if (!visitor.begins(topic, keys)) return std::nullopt;
  CommandState::LiveKey key;
  for (size_t i = 0;; ++i) {
    const auto object = objects.next();
    if (!object) return fail("it is cut short");
    if (object->is_nil()) break;
    if (!take_key(*object, key)) return fail(fmt::format("its key {} is spoilt", i));
    visitor.key(key);
  }
  const auto last = objects.next();
  if (!last || !objects.at_the_end()) return fail("its tail is spoilt");
  auto tail = take_tail(*last);
  if (!tail) return tl::unexpected(tail.error());
  return std::optional(std::move(*tail));
}

Result<std::optional<SnapshotTail>> load_snapshot(const std::string& directory,
                                                  const SnapshotVisitor& visitor) {
  const std::string file = directory + kFile;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (errno == ENOENT) return std::nullopt;
    return fail(fmt::format("{}: {}", file, std::strerror(errno)));
  }
  std::string bytes;
  in.seekg(0, std::ios::end);
  bytes.resize(static_cast<size_t>(std::max<std::streamoff>(in.tellg(), 0)));
  in.seekg(0);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  auto tail = read_snapshot(bytes, visitor);
  if (tail) return tail;
  const std::string aside = file + ".bad";
  std::rename(file.c_str(), aside.c_str());
  return fail(fmt::format("{}: {}; it was moved to {}, and everything is read from the command topic", file,
                          tail.error().message, aside));
}

}  // namespace e2k::supervisor
