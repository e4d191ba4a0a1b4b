// SPDX-License-Identifier: Apache-2.0
#include "producer_arguments.hpp"

namespace cairn::cli {

void ProducerArguments::declare(CLI::App& command) {
  command.add_option("-a,--acks", acks, "Who has it when it counts as delivered")
      ->check(CLI::IsMember({"0", "1", "all", "-1"}))
      ->capture_default_str();
  command.add_option("-z,--compression", compression, "Of batches")
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}))
      ->capture_default_str();
  command.add_option("--level", level, "Of the codec; default: its own");
  command.add_option("--partitioner", partitioner, "Of records without a given partition")
      ->check(CLI::IsMember({"hash", "sticky", "round-robin"}))
      ->capture_default_str();
  command.add_flag("--no-idempotence", no_idempotence, "Let retries write a record twice");
  command.add_option("--linger", linger_ms, "How long to wait for a fuller batch, in ms")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--batch-size", batch_size, "Bytes of a batch")->capture_default_str();
  command.add_option("--max-request-size", max_request_size, "Bytes of a request, and of a record")
      ->capture_default_str();
}

Result<client::ProducerOptions> ProducerArguments::options() const {
  client::ProducerOptions out;
  out.acks = acks == "0"   ? client::Acks::none
             : acks == "1" ? client::Acks::leader
                           : client::Acks::all;
  out.idempotent = !no_idempotence && out.acks == client::Acks::all;
  out.codec = *record::parse_codec(compression);
  if (level) out.level = *level;
  out.partitioner = *client::parse_partitioner(partitioner);
  out.linger =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(linger_ms));
  out.batch_size = batch_size;
  out.max_request_size = max_request_size;
  TRY(client::Producer::check(out));
  return out;
}

}  // namespace cairn::cli
