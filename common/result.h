// Pure. Expected failures are values: Result<T> holds a T or an Error.
//
// An Error's message is one sentence for the person who must act: it names the thing (key, line, file,
// channel) and, where there is one, the remedy. Exceptions are left to start-up steps and to libraries; they
// never cross a thread or a C callback.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace e2k {

struct Error {
  std::string message;
  bool is_lasting = false;  // it stays as it is until somebody mends it: to try again does not help
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}
inline tl::unexpected<Error> fail_lastingly(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message), true});
}

}  // namespace e2k
