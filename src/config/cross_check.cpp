// SPDX-License-Identifier: Apache-2.0
// Rules between keys, those of Kafka's start-up and those of what this version serves. Each problem
// names the key, its value, and what to do.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "text.hpp"
#include "values.hpp"

namespace cairn::config {

namespace {

class CrossCheck {
 public:
  CrossCheck(const ServerConfig& server, Problems& problems)
      : server_(server), values_(server), problems_(problems) {}

  void run() {
    identity();
    quorum();
    listeners();
    advertised();
    security();
    inter_broker();
    logs();
    connections();
    replication();
    for (const std::string kind : {"consumer", "share", "streams"}) {
      group_bounds(kind, "session.timeout.ms");
      group_bounds(kind, "heartbeat.interval.ms");
      group_order(kind);
    }
  }

 private:
  void identity() {
    const auto* node_id = server_.settings.find("node.id");
    const auto* broker_id = server_.settings.find("broker.id");
    if (node_id == nullptr) {
      problems_.push_back(
          "node.id is missing: with controller.quorum.voters or "
          "controller.quorum.bootstrap.servers each node needs an id of its own");
    } else if (broker_id != nullptr && broker_id->origin != Origin::derived &&
               broker_id->value != "-1" && broker_id->value != node_id->value) {
      problem("broker.id", fmt::format("must equal node.id ({}); remove it", node_id->value));
    }
    if (!server_.broker_role && !server_.controller_role) {
      problems_.push_back(
          "process.roles is missing: write broker, controller or both, "
          "for example process.roles: broker,controller");
    }
    if (server_.log.dirs.empty()) {
      problems_.push_back("log.dirs is empty: name at least one directory for data");
    }
  }

  void quorum() {
    const auto& quorum = server_.quorum;
    std::set<BrokerId> ids;
    for (const auto& voter : quorum.voters) {
      if (!ids.insert(voter.id).second) {
        problem("controller.quorum.voters", fmt::format("names id {} twice", voter.id.value()));
      }
      if (voter.port == 0) problem("controller.quorum.voters", "port 0 cannot be reached");
    }
    const bool is_voter = ids.contains(server_.node_id);
    if (server_.controller_role && !quorum.voters.empty() && !is_voter) {
      problem("controller.quorum.voters",
              fmt::format("must name this controller, node.id {}", server_.node_id.value()));
    }
    if (!server_.controller_role && is_voter) {
      problem("controller.quorum.voters",
              fmt::format("names this node ({}), which is not a controller; change process.roles "
                          "or node.id",
                          server_.node_id.value()));
    }
    if (!server_.controller_role && quorum.standalone) {
      problems_.push_back(
          "process.roles is broker alone: say where the controllers are, with "
          "controller.quorum.voters or controller.quorum.bootstrap.servers");
    }
  }

  void listeners() {
    std::set<std::string> names;
    std::set<std::pair<std::string, std::uint16_t>> addresses;
    bool serves_clients = false;
    bool serves_quorum = false;
    for (const auto& listener : server_.listeners) {
      if (!names.insert(listener.name).second) {
        problem("listeners", fmt::format("names {} twice", listener.name));
      }
      if (listener.port != 0 && !addresses.insert({listener.host, listener.port}).second) {
        problem("listeners", fmt::format("uses port {} twice", listener.port));
      }
      const bool controls = server_.is_controller_listener(listener.name);
      (controls ? serves_quorum : serves_clients) = true;
      if (controls && !server_.controller_role) {
        problem("listeners",
                fmt::format("{} is one of controller.listener.names, but process.roles "
                            "has no controller",
                            listener.name));
      }
      if (!controls && !server_.broker_role) {
        problem("listeners", fmt::format("{} is none of controller.listener.names, but "
                                         "process.roles has no broker",
                                         listener.name));
      }
    }
    if (server_.controller_role && !serves_quorum) {
      problem("listeners",
              fmt::format("has none of controller.listener.names ({}); add {}://host:port",
                          values_.text("controller.listener.names"), first_controller_listener()));
    }
    if (server_.broker_role && !serves_clients) {
      problem("listeners", "has no listener for clients; add PLAINTEXT://host:port");
    }
  }

  void advertised() {
    bool for_clients = false;
    for (const auto& listener : server_.advertised_listeners) {
      const bool given = server_.settings.contains("advertised.listeners");
      for_clients = for_clients || !server_.is_controller_listener(listener.name);
      if (listener.host == "0.0.0.0" || listener.host == "::") {
        problem(given ? "advertised.listeners" : "listeners",
                fmt::format("clients cannot connect to {}; set advertised.listeners to "
                            "{}://<name or address of this machine>:{}",
                            listener.host, listener.name, listener.port));
      }
      if (!given) continue;
      const bool known = std::ranges::any_of(
          server_.listeners, [&listener](const auto& own) { return own.name == listener.name; });
      if (!known) {
        problem("advertised.listeners", fmt::format("{} is not one of listeners", listener.name));
      }
      if (server_.is_controller_listener(listener.name) && !server_.controller_role) {
        problem("advertised.listeners",
                fmt::format("{} is a controller listener, and this node is no controller",
                            listener.name));
      }
    }
    if (server_.broker_role && !server_.advertised_listeners.empty() && !for_clients) {
      problem("advertised.listeners", "has no listener for clients; add one of listeners");
    }
  }

  /// What would protect, but is not served by this version, must not start as if it did.
  void security() {
    for (const auto& listener : server_.listeners) {
      if (listener.protocol == SecurityProtocol::plaintext) continue;
      problem("listeners", fmt::format("{} uses {}, which this version does not serve; map it to "
                                       "PLAINTEXT in listener.security.protocol.map",
                                       listener.name, to_string(listener.protocol)));
    }
    if (!values_.text("authorizer.class.name").empty()) {
      problem("authorizer.class.name",
              "this version has no authorizer, every principal may do everything; remove the key "
              "if that is what you want");
    }
  }

  void inter_broker() {
    if (!server_.broker_role) return;
    if (server_.settings.contains("inter.broker.listener.name") &&
        server_.settings.contains("security.inter.broker.protocol")) {
      problem("inter.broker.listener.name",
              "cannot stand beside security.inter.broker.protocol; keep one of them");
    }
    const auto& name = server_.inter_broker_listener_name;
    if (server_.is_controller_listener(name)) {
      problem("inter.broker.listener.name",
              fmt::format("{} is one of controller.listener.names; choose another", name));
      return;
    }
    const bool advertised =
        std::ranges::any_of(server_.advertised_listeners,
                            [&name](const auto& listener) { return listener.name == name; });
    if (!advertised) {
      problem("inter.broker.listener.name",
              fmt::format("{} must be one of advertised.listeners; name one of them", name));
    }
  }

  void logs() {
    for (const auto key : {"log.retention.ms", "log.retention.minutes", "log.retention.hours"}) {
      if (values_.find(key) == "0") problem(key, "must be -1 (for ever) or at least 1");
    }
    for (const auto key : {"log.roll.ms"}) {
      if (values_.find(key) && values_.int64(key) < 1) problem(key, "must be at least 1");
    }
    if (values_.find("log.roll.jitter.ms") && values_.int64("log.roll.jitter.ms") < 0) {
      problem("log.roll.jitter.ms", "must be at least 0");
    }
    if (server_.topic_defaults.min_compaction_lag > server_.topic_defaults.max_compaction_lag) {
      problem("log.cleaner.min.compaction.lag.ms",
              "must not be above log.cleaner.max.compaction.lag.ms");
    }
    const auto codec = values_.int64("offsets.topic.compression.codec");
    if (codec < 0 || codec > 4) {
      problem("offsets.topic.compression.codec",
              "must be 0 (none), 1 (gzip), 2 (snappy), 3 (lz4) or 4 (zstd)");
    }
  }

  void connections() {
    const auto& socket = server_.socket;
    if (socket.max_connections_per_ip == 0 && socket.max_connections_per_ip_overrides.empty()) {
      problem("max.connections.per.ip",
              "0 needs max.connections.per.ip.overrides, or nobody could connect");
    }
    for (const auto& entry : values_.list("max.connections.per.ip.overrides")) {
      const auto colon = entry.rfind(':');
      const auto count = colon == entry.npos
                             ? std::nullopt
                             : text::parse_integer(std::string_view(entry).substr(colon + 1));
      if (!count || *count < 0 || *count > INT32_MAX || colon == 0) {
        problem("max.connections.per.ip.overrides",
                fmt::format("\"{}\": write address:count, for example 127.0.0.1:100", entry));
      }
    }
    if (socket.queued_max_request_bytes > 0 &&
        socket.queued_max_request_bytes < socket.request_max_bytes) {
      problem("queued.max.request.bytes",
              "must be at least socket.request.max.bytes, or its largest request never fits");
    }
    if (socket.failed_authentication_delay >= socket.connections_max_idle &&
        socket.connections_max_idle.count() > 0) {
      problem("connection.failed.authentication.delay.ms", "must be below connections.max.idle.ms");
    }
  }

  void replication() {
    const auto& replica = server_.replica;
    if (replica.fetch_wait_max > replica.socket_timeout) {
      problem("replica.socket.timeout.ms", "must be at least replica.fetch.wait.max.ms");
    }
    if (replica.fetch_wait_max > replica.lag_time_max) {
      problem("replica.fetch.wait.max.ms",
              "must not be above replica.lag.time.max.ms, or replicas would leave the in-sync set "
              "whenever a topic is quiet");
    }
    if (server_.controller.default_replication_factor < 1) {
      problem("default.replication.factor", "must be at least 1");
    }
    if (server_.group.min_session_timeout > server_.group.max_session_timeout) {
      problem("group.max.session.timeout.ms", "must be at least group.min.session.timeout.ms");
    }
  }

  void group_bounds(const std::string& kind, std::string_view what) {
    const auto key = [&](std::string_view bound) {
      return fmt::format("group.{}{}{}", kind, bound, what);
    };
    const auto least = values_.int64(key(".min."));
    const auto most = values_.int64(key(".max."));
    const auto value = values_.int64(key("."));
    if (most < least) problem(key(".max."), fmt::format("must be at least {}", key(".min.")));
    if (value < least) problem(key("."), fmt::format("must be at least {}", key(".min.")));
    if (value > most) problem(key("."), fmt::format("must not be above {}", key(".max.")));
  }

  void group_order(const std::string& kind) {
    const auto heartbeat = "group." + kind + ".heartbeat.interval.ms";
    const auto session = "group." + kind + ".session.timeout.ms";
    if (values_.int64(heartbeat) >= values_.int64(session)) {
      problem(heartbeat, fmt::format("must be below {}", session));
    }
  }

  std::string first_controller_listener() const {
    return server_.controller_listener_names.empty() ? "CONTROLLER"
                                                     : server_.controller_listener_names.front();
  }

  void problem(std::string_view key, std::string_view what) {
    const auto* setting = server_.settings.find(key);
    problems_.push_back(fmt::format("{}: {} = \"{}\": {}",
                                    setting != nullptr ? setting->where : "default", key,
                                    values_.text(key), what));
  }

  const ServerConfig& server_;
  Values values_;
  Problems& problems_;
};

}  // namespace

void cross_check(const ServerConfig& server, Problems& problems) {
  CrossCheck(server, problems).run();
}

}  // namespace cairn::config
