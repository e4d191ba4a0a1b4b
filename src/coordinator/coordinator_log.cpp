// SPDX-License-Identifier: Apache-2.0
#include <cairn/coordinator/coordinator_log.hpp>
#include <cairn/partition/partition.hpp>
#include <cairn/record/builder.hpp>

namespace cairn::coordinator {
namespace {

class LedPartition : public CoordinatorLog {
 public:
  LedPartition(std::shared_ptr<partition::Partition> partition, Epoch epoch)
      : partition_(std::move(partition)), epoch_(epoch) {}

  Offset start() const override { return partition_->log().log_start(); }
  Offset end() const override { return partition_->log().log_end(); }

  runtime::Task<Result<LogPart>> read(Offset from, std::size_t max_bytes) override {
    storage::LogRead request{.offset = from};
    request.max_bytes = max_bytes;
    request.bound = storage::ReadBound::log_end;
    auto slice = co_await partition_->log().read(request);
    if (!slice) co_return std::unexpected(slice.error());
    co_return LogPart{std::move(slice->records), slice->next_offset};
  }

  runtime::Task<Result<Offset>> append(MutableBytes batch) override {
    partition::PartitionAppend request;
    request.batches = batch;
    request.acks = partition::RequiredAcks::all;
    request.origin = record::Origin::coordinator;
    request.expected_epoch = epoch_;
    const auto appended = co_await partition_->append(request);
    if (!appended) co_return std::unexpected(appended.error());
    co_return appended->first_offset;
  }

  bool is_committed(Offset last) const override { return partition_->is_committed(last); }

  runtime::Task<Result<>> wait_committed(Offset last, Instant deadline) override {
    return partition_->wait_committed(last, epoch_, deadline);
  }

 private:
  std::shared_ptr<partition::Partition> partition_;
  Epoch epoch_;
};

}  // namespace

runtime::Task<Result<Offset>> replay_all(CoordinatorLog& log, Replay& replay,
                                         std::size_t max_bytes) {
  Offset next = log.start();
  while (next < log.end()) {
    const Offset end = log.end();
    const auto part = co_await log.read(next, max_bytes);
    if (co_await runtime::cancelled()) co_return fail(ErrorCode::not_coordinator, "cancelled");
    if (!part) co_return std::unexpected(part.error());
    CO_TRY(replay.feed(part->records.view(), next));
    if (part->next_offset > next) {
      next = part->next_offset;
    } else if (part->records.view().empty()) {
      next = end;  // the cleaner has left nothing of the last batches
    } else {
      co_return fail(ErrorCode::corrupt_message, "the log does not go on");
    }
  }
  co_return next;
}

Bytes make_batch(std::span<const group::Record> records, WallTime time, record::Codec codec) {
  // Kafka leaves the sequence of coordinator batches at 0, though they have no producer.
  record::BatchBuilder builder({.codec = codec, .base_sequence = 0});
  for (const group::Record& record : records) {
    builder.append(to_timestamp(time), BytesView(record.key),
                   record.value ? record::OptionalBytes(*record.value) : std::nullopt);
  }
  return builder.build();
}

std::unique_ptr<CoordinatorLog> log_of(std::shared_ptr<partition::Partition> partition,
                                       Epoch epoch) {
  return std::make_unique<LedPartition>(std::move(partition), epoch);
}

}  // namespace cairn::coordinator
