// SPDX-License-Identifier: Apache-2.0
// Expected failures: Result<T> holds a value or an Error of Kafka's vocabulary and a reason in
// plain words. We throw nothing.
//
//   TRY(auto size, file_size(name));      // in functions: returns the error, else declares size
//   CO_TRY(auto n, co_await file.read(…)); // in coroutines
//   TRY(check(x));                         // for Result<void>
//
// An argument with a comma outside parentheses needs parentheses of its own.
#pragma once

#include <expected>
#include <utility>

#include <cairn/base/error_code.hpp>

namespace cairn {

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::unknown_server_error;
  /// A literal: what was wrong, in words for a person. Never null.
  const char* why = "";

  bool operator==(const Error& other) const { return code == other.code; }
};

template <class T = void>
using Result = std::expected<T, Error>;

/// The value to return for a failure: `return fail(ErrorCode::corrupt_message, "bad CRC");`
inline std::unexpected<Error> fail(ErrorCode code, const char* why = "") {
  return std::unexpected(Error{code, why});
}

/// The code of a result: none if it succeeded.
template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::none : result.error().code;
}

}  // namespace cairn

#define CAIRN_JOIN_(a, b) a##b
#define CAIRN_JOIN(a, b) CAIRN_JOIN_(a, b)
#define CAIRN_TRY_1(leave, name, expression) \
  auto&& name = (expression);                \
  if (!name) leave std::unexpected(name.error())
#define CAIRN_TRY_2(leave, name, declaration, expression) \
  auto&& name = (expression);                             \
  if (!name) leave std::unexpected(name.error());         \
  declaration = *std::move(name)
#define CAIRN_TRY_PICK(_1, _2, macro, ...) macro
#define TRY(...)                                          \
  CAIRN_TRY_PICK(__VA_ARGS__, CAIRN_TRY_2, CAIRN_TRY_1, ) \
  (return, CAIRN_JOIN(result_, __COUNTER__), __VA_ARGS__)
#define CO_TRY(...)                                       \
  CAIRN_TRY_PICK(__VA_ARGS__, CAIRN_TRY_2, CAIRN_TRY_1, ) \
  (co_return, CAIRN_JOIN(result_, __COUNTER__), __VA_ARGS__)
