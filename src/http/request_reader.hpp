// SPDX-License-Identifier: Apache-2.0
// Takes requests off a stream, one at a time, through Beast's parser. What is read beyond a request
// stays for the next. Never holds more than the header limit. Owner: one connection.
#pragma once

#include <cstddef>
#include <string>

#include <cairn/http/message.hpp>
#include <cairn/runtime/network.hpp>

namespace cairn::http {

class RequestReader {
 public:
  enum class Outcome { request, refused, end };

  struct Parsed {
    Outcome outcome = Outcome::end;
    Request request;
    bool is_get = false;
    bool is_head = false;
    bool keep_alive = false;
    int refusal = 400;  // the status that says why
  };

  explicit RequestReader(std::size_t header_limit = 0) : header_limit_(header_limit) {}

  /// The next request; `end` when the stream ended, failed or was closed before one was whole.
  runtime::Task<Parsed> next(runtime::Stream& stream);

 private:
  std::size_t header_limit_;
  std::string pending_;
};

}  // namespace cairn::http
