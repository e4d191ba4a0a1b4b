// SPDX-License-Identifier: Apache-2.0
// A request and a response as handlers see them, and the table of handlers. Values; the server owns
// the bytes. Only GET and HEAD exist here: nothing that is served over HTTP changes anything.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <cairn/runtime/task.hpp>

namespace cairn::http {

struct Request {
  std::string path;   // "/metrics", without the query
  std::string query;  // behind the '?'
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

using Handler = std::function<runtime::Task<Response>(Request)>;

/// Handlers by exact path.
class Routes {
 public:
  void add(std::string path, Handler handler) { handlers_[std::move(path)] = std::move(handler); }
  /// Null if nothing is served there.
  const Handler* find(std::string_view path) const;
  /// A line for each path.
  std::string index() const;

 private:
  std::map<std::string, Handler, std::less<>> handlers_;
};

}  // namespace cairn::http
