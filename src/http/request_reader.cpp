// SPDX-License-Identifier: Apache-2.0
#include "request_reader.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace cairn::http {

namespace {

namespace beast = boost::beast;
using Parser = beast::http::request_parser<beast::http::empty_body>;

RequestReader::Parsed refuse(const beast::error_code& error) {
  const bool too_large = error == beast::http::error::header_limit;
  const bool has_body =
      error == beast::http::error::body_limit || error == beast::http::error::unexpected_body;
  return {.outcome = RequestReader::Outcome::refused,
          .request = {},
          .refusal = too_large  ? 431
                     : has_body ? 413
                                : 400};
}

RequestReader::Parsed parsed_of(const Parser& parser) {
  const auto& message = parser.get();
  const std::string_view target(message.target().data(), message.target().size());
  const auto question = target.find('?');
  return {.outcome = RequestReader::Outcome::request,
          .request = {.path = std::string(target.substr(0, question)),
                      .query = question == target.npos ? std::string()
                                                       : std::string(target.substr(question + 1))},
          .is_get = message.method() == beast::http::verb::get,
          .is_head = message.method() == beast::http::verb::head,
          .keep_alive = message.keep_alive()};
}

}  // namespace

runtime::Task<RequestReader::Parsed> RequestReader::next(runtime::Stream& stream) {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(header_limit_));
  parser.body_limit(0);
  parser.eager(true);
  for (;;) {
    beast::error_code error;
    if (!pending_.empty()) {
      const auto used = parser.put(boost::asio::buffer(pending_), error);
      pending_.erase(0, used);
    }
    if (error && error != beast::http::error::need_more) co_return refuse(error);
    if (parser.is_done()) co_return parsed_of(parser);
    if (pending_.size() > header_limit_) co_return refuse(beast::http::error::header_limit);
    std::array<std::byte, 4096> buffer;
    auto read = co_await stream.read_some(buffer);
    if (!read || *read == 0) co_return Parsed{};
    pending_ += as_text(BytesView(buffer).first(*read));
  }
}

}  // namespace cairn::http
