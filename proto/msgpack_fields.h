// Pure. Reads MessagePack that nobody vouches for: parsed under limits, then taken field by field.
//
// parse() bounds every array, map, text and the depth before anything is allocated for them, and turns the
// library's exceptions into values. Fields takes the elements of one array in order; the first that is
// missing or of another kind makes it not ok() and leaves every later output as it was. Texts are copied out,
// so that nothing refers to the bytes afterwards. Only .cpp files include this.
#pragma once

#include <concepts>
#include <limits>
#include <map>
#include <msgpack.hpp>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "common/result.h"

namespace e2k::wire {

inline Result<msgpack::object_handle> parse(std::string_view bytes, const msgpack::unpack_limit& limit) {
  try {
    size_t end = 0;
    auto by_reference = [](msgpack::type::object_type, size_t, void*) { return true; };
    msgpack::object_handle handle =
        msgpack::unpack(bytes.data(), bytes.size(), end, by_reference, nullptr, limit);
    if (end != bytes.size()) return fail("bytes behind its end");
    return handle;
  } catch (const msgpack::unpack_error& e) {
    return fail(std::string("not MessagePack, or over a limit: ") + e.what());
  } catch (const std::bad_alloc&) {
    return fail("no memory for it");
  }
}

class Fields {
public:
  explicit Fields(const msgpack::object& object) {
    if (object.type == msgpack::type::ARRAY) {
      array_ = object.via.array;
    } else {
      ok_ = false;
    }
  }

  bool ok() const { return ok_; }
  // Whether another field follows: for what was added to a format later.
  bool more() const { return ok_ && next_ < array_.size; }
  // The place of the first field that was wrong, from 0; meaningful when not ok().
  uint32_t place() const { return next_; }
  const msgpack::object* next() {
    if (!ok_ || next_ >= array_.size) {
      ok_ = false;
      return nullptr;
    }
    return &array_.ptr[next_++];
  }

  template <std::integral T>
  requires(!std::same_as<T, bool>) void take(T& out) {
    const msgpack::object* o = next();
    if (o == nullptr) return;
    if (o->type == msgpack::type::POSITIVE_INTEGER) {
      if (o->via.u64 > static_cast<uint64_t>(std::numeric_limits<T>::max())) return wrong();
      out = static_cast<T>(o->via.u64);
    } else if (o->type == msgpack::type::NEGATIVE_INTEGER) {
      if constexpr (std::is_signed_v<T>) {
        if (o->via.i64 < static_cast<int64_t>(std::numeric_limits<T>::min())) return wrong();
        out = static_cast<T>(o->via.i64);
      } else {
        wrong();
      }
    } else {
      wrong();
    }
  }
  template <class Tag, class Rep>
  void take(Id<Tag, Rep>& out) {
    take(out.value);
  }
  void take(bool& out) {
    const msgpack::object* o = next();
    if (o == nullptr) return;
    if (o->type != msgpack::type::BOOLEAN) return wrong();
    out = o->via.boolean;
  }
  void take(std::string& out, size_t max_bytes = std::numeric_limits<uint32_t>::max()) {
    const msgpack::object* o = next();
    if (o == nullptr) return;
    if (o->type != msgpack::type::STR || o->via.str.size > max_bytes) return wrong();
    out.assign(o->via.str.ptr, o->via.str.size);
  }
  void take(std::map<std::string, std::string>& out) {
    const msgpack::object* o = next();
    if (o == nullptr) return;
    if (o->type != msgpack::type::MAP) return wrong();
    out.clear();
    for (uint32_t i = 0; i < o->via.map.size; ++i) {
      const msgpack::object_kv& kv = o->via.map.ptr[i];
      if (kv.key.type != msgpack::type::STR || kv.val.type != msgpack::type::STR) return wrong();
      out.emplace(std::string(kv.key.via.str.ptr, kv.key.via.str.size),
                  std::string(kv.val.via.str.ptr, kv.val.via.str.size));
    }
  }
  // An enum whose numbers run from 0 to `last`.
  template <class E>
  requires std::is_enum_v<E>
  void take_enum(E& out, E last) {
    uint32_t number = 0;
    take(number);
    if (!ok_) return;
    if (number > static_cast<uint32_t>(last)) return wrong();
    out = static_cast<E>(number);
  }
  void wrong() {
    ok_ = false;
    --next_;
  }

private:
  msgpack::object_array array_{0, nullptr};
  uint32_t next_ = 0;
  bool ok_ = true;
};

}  // namespace e2k::wire
