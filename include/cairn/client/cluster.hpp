// SPDX-License-Identifier: Apache-2.0
// A client's connections and its picture of the cluster. Metadata of the followed topics is fetched
// when it is old, when somebody says it is stale, and at most once a backoff. A broker has up to
// one connection a channel, so that no heartbeat waits behind a long fetch. Owner: Producer,
// Consumer or Admin; stop() it before it dies. One shard.
#pragma once

#include <set>

#include <cairn/client/metadata_cache.hpp>
#include <cairn/client/options.hpp>
#include <cairn/runtime/shard.hpp>
#include <cairn/transport/peer.hpp>

namespace cairn::client {

/// Exponential, with jitter of a fifth either way, as Kafka's clients wait.
class Backoff {
 public:
  Backoff(Duration first, Duration limit) : first_(first), limit_(limit) {}
  explicit Backoff(const ClientOptions& options)
      : Backoff(options.retry_backoff, options.retry_backoff_max) {}

  Duration next(Random& random);
  void reset() { attempts_ = 0; }

 private:
  Duration first_;
  Duration limit_;
  int attempts_ = 0;
};

enum class Channel : std::uint8_t { data, control, group };

class Cluster {
 public:
  Cluster(runtime::Shard& shard, runtime::Network& network, ClientOptions options);
  /// Ends all calls and background work.
  runtime::Task<> stop();

  runtime::Shard& shard() { return shard_; }
  const ClientOptions& options() const { return options_; }
  const MetadataCache& metadata() const { return cache_; }
  MetadataCache& metadata() { return cache_; }
  Instant now() { return shard_.clock().now(); }
  Instant call_deadline() { return now() + options_.request_timeout; }
  Instant api_deadline() { return now() + options_.api_timeout; }

  /// Topics whose metadata is kept. Following all is for patterns.
  void follow(const std::string& topic);
  void unfollow(const std::string& topic);
  void follow_all();
  /// Whether asking for a topic may create it (produce).
  void allow_creation(bool allow) { allow_creation_ = allow; }

  /// Asks for new metadata soon, without waiting.
  void mark_stale();
  /// Fetches metadata now (or joins the fetch under way), trying all brokers known until
  /// `deadline`.
  runtime::Task<Result<>> refresh(Instant deadline);
  /// Follows the topic and returns once it is known with its leaders, or fails with what the
  /// cluster said of it last.
  runtime::Task<Result<>> await_topic(std::string topic, Instant deadline);
  /// Set each time metadata was applied.
  runtime::Event& refreshed() { return refreshed_; }
  std::uint64_t version() const { return version_; }

  /// The connection to a broker; broker_not_available if metadata does not name it.
  Result<std::shared_ptr<transport::Peer>> peer(BrokerId broker, Channel channel);
  /// Some broker that answers: one known, or one of the bootstrap list.
  runtime::Task<Result<std::shared_ptr<transport::Peer>>> any_peer(Instant deadline);

  // One call: it waits for request_timeout at most, whatever the deadline, so that a broker that
  // has gone without a word leaves time to ask another.
  template <class Request>
  runtime::Task<Result<typename Request::Response>> call(BrokerId broker, Channel channel,
                                                         Request request, Instant deadline) {
    CO_TRY(auto to, peer(broker, channel));
    co_return co_await to->call_by(std::move(request), std::nullopt,
                                   std::min(deadline, call_deadline()));
  }
  template <class Request>
  runtime::Task<Result<typename Request::Response>> call_any(Request request, Instant deadline) {
    CO_TRY(auto to, co_await any_peer(deadline));
    co_return co_await to->call_by(std::move(request), std::nullopt,
                                   std::min(deadline, call_deadline()));
  }

  /// The coordinator of a group, asked anew, tried again while the cluster says it will be there.
  runtime::Task<Result<BrokerId>> find_group_coordinator(std::string group, Instant deadline);

 private:
  struct PeerKey {
    BrokerId broker;
    Channel channel;
    auto operator<=>(const PeerKey&) const = default;
  };

  runtime::Task<> keep_fresh();
  runtime::Task<Result<>> fetch_metadata(Instant deadline);
  protocol::MetadataRequest metadata_request() const;
  std::shared_ptr<transport::Peer> make_peer(const runtime::Endpoint& endpoint);
  void start();

  runtime::Shard& shard_;
  runtime::Network& network_;
  ClientOptions options_;
  MetadataCache cache_;
  std::set<std::string> followed_;
  bool follow_all_ = false;
  bool allow_creation_ = false;
  bool started_ = false;
  bool stale_ = true;
  bool fetching_ = false;
  std::uint64_t version_ = 0;
  Instant fetched_at_{};
  Result<> last_fetch_;
  runtime::Event refreshed_;
  runtime::Event fetch_ended_;
  runtime::Event wanted_;
  std::map<PeerKey, std::shared_ptr<transport::Peer>> peers_;
  std::vector<std::shared_ptr<transport::Peer>> bootstrap_peers_;
  std::vector<std::shared_ptr<transport::Peer>> retired_;  // replaced; stopped at stop()
  std::size_t next_any_ = 0;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::client
