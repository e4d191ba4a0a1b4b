// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include <cairn/base/log.hpp>
#include <cairn/client/cluster.hpp>
#include <cairn/protocol/messages/find_coordinator.hpp>

#include "errors.hpp"

namespace cairn::client {

Result<std::vector<runtime::Endpoint>> parse_bootstrap(std::string_view text) {
  constexpr std::uint16_t default_port = 9092;
  std::vector<runtime::Endpoint> endpoints;
  while (!text.empty()) {
    const auto comma = text.find(',');
    std::string_view one = text.substr(0, comma);
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
    if (one.empty()) continue;
    std::string_view host = one;
    std::string_view port;
    if (one.front() == '[') {
      const auto end = one.find(']');
      if (end == std::string_view::npos) {
        return fail(ErrorCode::invalid_config, "a bracket is open: write [address]:port");
      }
      host = one.substr(1, end - 1);
      if (end + 1 < one.size()) port = one.substr(end + 2);
    } else if (const auto colon = one.rfind(':'); colon != std::string_view::npos) {
      host = one.substr(0, colon);
      port = one.substr(colon + 1);
    }
    runtime::Endpoint endpoint{std::string(host), default_port};
    if (!port.empty()) {
      const auto [end, failure] =
          std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
      if (failure != std::errc() || end != port.data() + port.size()) {
        return fail(ErrorCode::invalid_config, "the port is no number from 1 to 65535");
      }
    }
    if (endpoint.host.empty() || endpoint.port == 0) {
      return fail(ErrorCode::invalid_config, "expected host:port[,host:port...]");
    }
    endpoints.push_back(std::move(endpoint));
  }
  if (endpoints.empty()) {
    return fail(ErrorCode::invalid_config, "expected host:port[,host:port...]");
  }
  return endpoints;
}

Duration Backoff::next(Random& random) {
  constexpr int most_doublings = 16;
  const auto plain = std::min(first_ * (1 << std::min(attempts_, most_doublings)), limit_);
  attempts_++;
  const auto fifth = plain.count() / 5;
  return Duration(random.between(plain.count() - fifth, plain.count() + fifth));
}

Cluster::Cluster(runtime::Shard& shard, runtime::Network& network, ClientOptions options)
    : shard_(shard), network_(network), options_(std::move(options)), tasks_(shard.context()) {
  for (const auto& endpoint : options_.bootstrap) bootstrap_peers_.push_back(make_peer(endpoint));
}

runtime::Task<> Cluster::stop() {
  tasks_.cancel();
  for (auto& peer : bootstrap_peers_) co_await peer->stop();
  auto peers = std::exchange(peers_, {});
  for (auto& [key, peer] : peers) co_await peer->stop();
  for (auto& peer : retired_) co_await peer->stop();
  co_await tasks_.join();
}

void Cluster::start() {
  if (tasks_.stopping() || std::exchange(started_, true)) return;
  tasks_.spawn(keep_fresh());
}

void Cluster::follow(const std::string& topic) {
  if (followed_.insert(topic).second) mark_stale();
}

void Cluster::unfollow(const std::string& topic) {
  if (followed_.erase(topic) > 0 && !follow_all_) cache_.forget(topic);
}

void Cluster::follow_all() {
  if (!std::exchange(follow_all_, true)) mark_stale();
}

void Cluster::mark_stale() {
  start();
  stale_ = true;
  wanted_.set();
}

/// The background task: fetches when told or when old, never twice within a backoff.
runtime::Task<> Cluster::keep_fresh() {
  Backoff backoff(options_);
  while (!tasks_.stopping()) {
    const Instant old = fetched_at_ + options_.metadata_max_age;
    if (!stale_ && now() < old) {
      co_await wanted_.wait_until(shard_.clock(), old);
      continue;
    }
    const auto fetched = co_await refresh(call_deadline());
    if (fetched && !stale_) {
      backoff.reset();
      if (!co_await shard_.clock().sleep_for(options_.retry_backoff)) co_return;
    } else if (!co_await shard_.clock().sleep_for(backoff.next(shard_.random()))) {
      co_return;
    }
  }
}

runtime::Task<Result<>> Cluster::refresh(Instant deadline) {
  start();
  if (fetching_) {
    if (!co_await fetch_ended_.wait_until(shard_.clock(), deadline)) {
      co_return fail(ErrorCode::request_timed_out, "no broker told the cluster's metadata in time");
    }
    co_return last_fetch_;
  }
  fetching_ = true;
  stale_ = false;
  last_fetch_ = co_await fetch_metadata(deadline);
  fetching_ = false;
  if (!last_fetch_) stale_ = true;
  fetch_ended_.set();
  co_return last_fetch_;
}

runtime::Task<Result<>> Cluster::fetch_metadata(Instant deadline) {
  const auto asked = metadata_request();
  const auto scope =
      asked.topics ? MetadataCache::Scope::some_topics : MetadataCache::Scope::all_topics;
  auto response = co_await call_any(asked, deadline);
  // One that took the question and went without a word: another may answer. Where none can be
  // reached the caller hears of it at once.
  while (!response && response.error().code == ErrorCode::request_timed_out && now() < deadline) {
    if (!co_await shard_.clock().sleep_for(options_.retry_backoff)) break;  // cancelled
    response = co_await call_any(asked, deadline);
  }
  if (!response) co_return std::unexpected(response.error());
  cache_.apply(*response, scope);
  fetched_at_ = now();
  version_++;
  for (const auto& topic : response->topics) {
    if (is_retriable(topic.error_code)) stale_ = true;
  }
  refreshed_.set();
  co_return Result<>{};
}

protocol::MetadataRequest Cluster::metadata_request() const {
  protocol::MetadataRequest request;
  request.allow_auto_topic_creation = allow_creation_;
  if (follow_all_) {
    request.topics = std::nullopt;
    return request;
  }
  request.topics.emplace();
  for (const auto& name : followed_) request.topics->emplace_back().name = name;
  return request;
}

runtime::Task<Result<>> Cluster::await_topic(std::string name, Instant deadline) {
  follow(name);
  Backoff backoff(options_);
  Error last{ErrorCode::request_timed_out, "no broker answered"};
  while (true) {
    const TopicMetadata* topic = cache_.topic(name);
    if (topic && topic->error == ErrorCode::none && !topic->partitions.empty())
      co_return Result<>{};
    const auto fetched = co_await refresh(deadline);
    topic = cache_.topic(name);
    if (!fetched) {
      last = fetched.error();
    } else if (topic && topic->error == ErrorCode::none && !topic->partitions.empty()) {
      co_return Result<>{};
    } else if (topic) {
      last = error_of(topic->error);
      if (!is_retriable(topic->error)) co_return std::unexpected(last);
    }
    const Instant next = now() + backoff.next(shard_.random());
    if (next >= deadline) co_return std::unexpected(last);
    if (!co_await shard_.clock().sleep_until(next)) {
      co_return fail(ErrorCode::request_timed_out, "cancelled");
    }
  }
}

Result<std::shared_ptr<transport::Peer>> Cluster::peer(BrokerId broker, Channel channel) {
  const BrokerNode* node = cache_.broker(broker);
  if (!node) return fail(ErrorCode::broker_not_available, "the cluster has no such broker now");
  auto& place = peers_[{broker, channel}];
  if (place && place->endpoint() != node->endpoint)
    retired_.push_back(std::exchange(place, nullptr));
  if (!place) place = make_peer(node->endpoint);
  return place;
}

runtime::Task<Result<std::shared_ptr<transport::Peer>>> Cluster::any_peer(Instant deadline) {
  // One whose connection stands, else the first that can be reached: brokers in turn, then the
  // bootstrap list.
  std::vector<std::shared_ptr<transport::Peer>> candidates;
  for (const auto& [id, node] : cache_.brokers()) {
    if (auto known = peer(id, Channel::control)) candidates.push_back(*std::move(known));
  }
  if (!candidates.empty()) {
    std::ranges::rotate(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(
                                                             next_any_++ % candidates.size()));
  }
  candidates.insert(candidates.end(), bootstrap_peers_.begin(), bootstrap_peers_.end());
  for (const auto& candidate : candidates) {
    if (candidate->connected()) co_return candidate;
  }
  Error last{ErrorCode::broker_not_available, "no broker is known: bootstrap.servers is empty"};
  const Duration share =
      (deadline - now()) / static_cast<int>(std::max<std::size_t>(candidates.size(), 1));
  for (const auto& candidate : candidates) {
    const auto ready = co_await candidate->ready(std::min(deadline, now() + share));
    if (ready) co_return candidate;
    last = ready.error();
    logging::debug("broker {} cannot be reached: {}", to_string(candidate->endpoint()), last.why);
  }
  co_return std::unexpected(last);
}

std::shared_ptr<transport::Peer> Cluster::make_peer(const runtime::Endpoint& endpoint) {
  transport::PeerOptions options;
  options.client_id = options_.client_id;
  options.request_timeout = options_.request_timeout;
  return std::make_shared<transport::Peer>(shard_, network_, endpoint, std::move(options));
}

runtime::Task<Result<BrokerId>> Cluster::find_group_coordinator(std::string group,
                                                                Instant deadline) {
  Backoff backoff(options_);
  while (true) {
    CO_TRY(auto asked, co_await any_peer(deadline));
    protocol::FindCoordinatorRequest request;
    CO_TRY(auto version, asked->common_version(protocol::FindCoordinatorRequest::api_key,
                                               protocol::FindCoordinatorRequest::versions));
    constexpr std::int16_t first_with_arrays = 4;
    if (version >= first_with_arrays) {
      request.coordinator_keys.push_back(group);
    } else {
      request.key = group;
    }
    auto response =
        co_await asked->call_by(std::move(request), version, std::min(deadline, call_deadline()));
    Error error{ErrorCode::none};
    if (!response) {
      error = response.error();
    } else {
      protocol::FindCoordinatorResponse::Coordinator found;
      if (version >= first_with_arrays && !response->coordinators.empty()) {
        found = response->coordinators.front();
      } else {
        found.node_id = response->node_id;
        found.host = response->host;
        found.port = response->port;
        found.error_code = response->error_code;
      }
      error = error_of(found.error_code);
      if (found.error_code == ErrorCode::none) {
        const BrokerId id(found.node_id);
        if (!cache_.broker(id)) {
          CO_TRY(co_await refresh(deadline));
        }
        if (cache_.broker(id)) co_return id;
        error = error_of(ErrorCode::coordinator_not_available);
      }
    }
    const Instant next = now() + backoff.next(shard_.random());
    if (!is_retriable(error.code) || next >= deadline) co_return std::unexpected(error);
    if (!co_await shard_.clock().sleep_until(next)) {
      co_return fail(ErrorCode::request_timed_out, "cancelled");
    }
  }
}

}  // namespace cairn::client
