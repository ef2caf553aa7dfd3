#include "supervisor/commands/snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <msgpack.hpp>
#include <unordered_set>
#include <utility>

#include "common/fd.h"
#include "proto/crc32c.h"
#include "proto/msgpack_fields.h"

namespace e2k::supervisor {
namespace {

// Version ledger:   1  first
constexpr uint32_t kVersion = 1;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kPieceBytes = 256 << 10;
constexpr uint32_t kMaxKeys = 16'000'000;
constexpr uint32_t kMaxTextBytes = 16u << 20;
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
  // Snapshots of an older release end here: rather a record that is repeated than one that is missing.
  if (fields.more()) fields.take(key.disconnected_published);
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

bool write_all(int fd, const std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

std::string checksum_bytes(uint32_t checksum) {
  std::string bytes;
  for (size_t i = 0; i < kChecksumBytes; ++i) bytes += static_cast<char>(checksum >> (8 * i) & 0xff);
  return bytes;
}

// Each piece's memory is given back once it is written.
Result<void> write_file(const std::string& path, std::vector<std::string> pieces) {
  UniqueFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!out) return fail(fmt::format("{}: {}", path, std::strerror(errno)));
  uint32_t checksum = 0;
  for (std::string& piece : pieces) {
    checksum = crc32c(checksum, piece.data(), piece.size());
    if (!write_all(out.get(), piece)) return fail(fmt::format("{}: {}", path, std::strerror(errno)));
    piece = {};
  }
  if (!write_all(out.get(), checksum_bytes(checksum)))
    return fail(fmt::format("{}: {}", path, std::strerror(errno)));
  if (::fsync(out.get()) != 0) return fail(fmt::format("{}: {}", path, std::strerror(errno)));
  return {};
}

}  // namespace

void SnapshotPieces::add(const CommandState::LiveKey& key) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> out(buffer);
  pack_key(out, key);
  last_.append(buffer.data(), buffer.size());
  ++keys_;
  if (last_.size() < kPieceBytes) return;
  full_.push_back(std::move(last_));
  last_.clear();
}

std::vector<std::string> SnapshotPieces::finish(const Snapshot& about,
                                                const std::vector<std::string>& ended) && {
  msgpack::sbuffer head, tail;
  msgpack::packer<msgpack::sbuffer> out(head), behind(tail);
  out.pack_array(9);
  out.pack(kVersion);
  out.pack(about.topic);
  pack_offsets(out, about.next_offsets);
  out.pack_array(keys_);
  behind.pack(about.shrank);
  behind.pack(about.renewed);
  behind.pack(about.log.id);
  pack_offsets(behind, about.log.begins);
  behind.pack(ended);
  std::vector<std::string> pieces = std::move(full_);
  pieces.insert(pieces.begin(), std::string(head.data(), head.size()));
  pieces.push_back(std::move(last_));
  pieces.emplace_back(tail.data(), tail.size());
  return pieces;
}

namespace {

std::vector<std::string> pieces_of(const Snapshot& snapshot) {
  SnapshotPieces pieces;
  for (const auto& key : snapshot.keys) pieces.add(key);
  return std::move(pieces).finish(snapshot, {});
}

}  // namespace

std::string encode(const Snapshot& snapshot) {
  std::string bytes;
  for (const std::string& piece : pieces_of(snapshot)) bytes += piece;
  return bytes + checksum_bytes(crc32c(0, bytes.data(), bytes.size()));
}

Result<Snapshot> decode_snapshot(std::string_view bytes) {
  if (bytes.size() < kChecksumBytes) return fail("it is cut short");
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  uint32_t checksum = 0;
  for (size_t i = 0; i < kChecksumBytes; ++i)
    checksum |= uint32_t{static_cast<unsigned char>(bytes[body.size() + i])} << (8 * i);
  if (crc32c(0, body.data(), body.size()) != checksum) return fail("its checksum does not match");
  auto handle = wire::parse(body, msgpack::unpack_limit(kMaxKeys, 0, kMaxTextBytes, 0, 0, 4));
  if (!handle) return tl::unexpected(handle.error());
  Snapshot snapshot;
  wire::Fields fields(handle->get());
  uint32_t version = 0;
  fields.take(version);
  if (fields.ok() && version != kVersion)
    return fail(fmt::format("its version is {}, not {}", version, kVersion));
  fields.take(snapshot.topic);
  const msgpack::object* offsets = fields.next();
  const msgpack::object* keys = fields.next();
  fields.take(snapshot.shrank);
  // Snapshots of an older release end here.
  const msgpack::object* begins = nullptr;
  const bool knows_log = fields.ok() && fields.more();
  if (knows_log) {
    fields.take(snapshot.renewed);
    fields.take(snapshot.log.id);
    begins = fields.next();
  }
  std::vector<std::string> ended;
  if (knows_log && fields.ok() && fields.more() && !take_texts(fields.next(), ended))
    return fail("what ended is spoilt");
  if (!fields.ok() || keys->type != msgpack::type::ARRAY) return fail("it is not a snapshot");
  if (!take_offsets(offsets, snapshot.next_offsets) ||
      (knows_log && !take_offsets(begins, snapshot.log.begins)))
    return fail("its offsets are spoilt");
  snapshot.keys.resize(keys->via.array.size);
  for (uint32_t i = 0; i < keys->via.array.size; ++i)
    if (!take_key(keys->via.array.ptr[i], snapshot.keys[i]))
      return fail(fmt::format("its key {} is spoilt", i));
  const std::unordered_set<std::string_view> gone(ended.begin(), ended.end());
  if (!gone.empty())
    std::erase_if(snapshot.keys, [&](const auto& key) { return gone.contains(key.raw_key); });
  return snapshot;
}

Result<void> save_snapshot(const std::string& directory, const Snapshot& snapshot) {
  return save_snapshot(directory, pieces_of(snapshot));
}

Result<void> save_snapshot(const std::string& directory, std::vector<std::string> pieces) {
  const std::string file = directory + kFile, temporary = file + ".new";
  if (auto written = write_file(temporary, std::move(pieces)); !written) {
    ::unlink(temporary.c_str());
    return fail(written.error().message + "; the snapshot of before stays, make room or mend the disk");
  }
  if (std::rename(temporary.c_str(), file.c_str()) != 0)
    return fail(fmt::format("{}: {}", file, std::strerror(errno)));
  UniqueFd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0)
    return fail(fmt::format("{}: {}", directory, std::strerror(errno)));
  return {};
}

Result<std::optional<Snapshot>> load_snapshot(const std::string& directory) {
  const std::string file = directory + kFile;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (errno == ENOENT) return std::optional<Snapshot>{};
    return fail(fmt::format("{}: {}", file, std::strerror(errno)));
  }
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  auto snapshot = decode_snapshot(bytes);
  if (snapshot) return std::optional<Snapshot>{std::move(*snapshot)};
  const std::string aside = file + ".bad";
  std::rename(file.c_str(), aside.c_str());
  return fail(fmt::format("{}: {}; it was moved to {}, and everything is read from the command topic", file,
                          snapshot.error().message, aside));
}

}  // namespace e2k::supervisor
