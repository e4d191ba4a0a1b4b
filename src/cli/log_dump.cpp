// SPDX-License-Identifier: Apache-2.0
// cairn log dump FILE...
#include <charconv>

#include <fmt/format.h>

#include <cairn/log/aborted_transactions.hpp>
#include <cairn/log/checkpoint.hpp>
#include <cairn/log/index.hpp>
#include <cairn/log/names.hpp>
#include <cairn/log/producer_snapshot.hpp>

#include "dump_record.hpp"
#include "log_commands.hpp"
#include "output.hpp"
#include "program.hpp"

namespace cairn::cli {

namespace {

using runtime::Task;

struct DumpArguments {
  std::vector<std::string> files;
  bool records = false;
  std::string decode = "auto";
};

std::string file_name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string directory_name_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return "";
  return file_name_of(path.substr(0, slash));
}

/// What to make of keys and values: said by the user, or by the directory's name.
RecordKind kind_of(const DumpArguments& arguments, const std::string& path) {
  if (arguments.decode != "auto") return *parse_record_kind(arguments.decode);
  const auto directory = directory_name_of(path);
  if (directory.starts_with("__consumer_offsets-")) return RecordKind::group;
  if (directory.starts_with("__transaction_state-")) return RecordKind::transaction;
  if (directory.starts_with("__share_group_state-")) return RecordKind::share;
  if (directory.starts_with("__cluster_metadata-")) return RecordKind::metadata;
  return file_name_of(path).ends_with(".checkpoint") ? RecordKind::metadata : RecordKind::plain;
}

/// Reads a log piece by piece: only the batch at hand is in memory.
class BatchReader {
 public:
  BatchReader(runtime::File& file, std::uint64_t size) : file_(file), size_(size) {}

  std::uint64_t position() const { return position_; }
  /// The next batch's bytes; nothing at the end. `why_` says what ended it if it is no clean end.
  Task<Result<std::optional<Bytes>>> next() {
    Bytes front(record::batch_front_size);
    CO_TRY(const auto read, co_await file_.read_at(position_, front));
    if (read == 0) co_return std::nullopt;
    const auto batch_size =
        read < front.size() ? std::nullopt : record::batch_size_from_front(front);
    if (!batch_size || *batch_size > size_ - position_) {
      co_return fail(ErrorCode::corrupt_message,
                     batch_size ? "a batch is cut by the end of the file" : "no batch begins here");
    }
    Bytes batch(*batch_size);
    CO_TRY(const auto got, co_await file_.read_at(position_, batch));
    if (got < batch.size()) co_return fail(ErrorCode::corrupt_message, "the file became shorter");
    position_ += *batch_size;
    co_return batch;
  }

 private:
  runtime::File& file_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
};

std::string describe_batch(const record::BatchView& batch, std::uint64_t position) {
  const auto codec = batch.codec();
  std::string out = fmt::format(
      "batch {}..{} records {} position {} bytes {} leader epoch {} {} {} {}", batch.base_offset(),
      batch.last_offset(), batch.record_count(), position, batch.size(), batch.leader_epoch(),
      codec ? record::to_string(*codec) : "unknown codec",
      batch.timestamp_type() == record::TimestampType::log_append_time ? "LogAppendTime"
                                                                       : "CreateTime",
      batch.max_timestamp());
  if (batch.has_producer()) {
    out += fmt::format(" producer {} epoch {} sequences {}..{}", batch.producer_id(),
                       batch.producer_epoch(), batch.base_sequence(), batch.last_sequence());
  }
  if (batch.is_transactional()) out += " transactional";
  if (batch.is_control()) out += " control";
  if (const auto horizon = batch.delete_horizon())
    out += fmt::format(" delete horizon {}", *horizon);
  if (!batch.crc_matches()) {
    out += fmt::format(" CRC WRONG: {:08x}, computed {:08x}", batch.crc(), batch.computed_crc());
  }
  return out;
}

void batch_as_json(Json& json, const record::BatchView& batch, std::uint64_t position) {
  const auto codec = batch.codec();
  json.field("base_offset", batch.base_offset().value());
  json.field("last_offset", batch.last_offset().value());
  json.field("records", batch.record_count()).field("position", std::int64_t(position));
  json.field("bytes", std::int64_t(batch.size()));
  json.field("leader_epoch", batch.leader_epoch().value());
  json.field("codec", codec ? record::to_string(*codec) : "unknown");
  json.field("max_timestamp", batch.max_timestamp());
  json.field("producer_id", batch.producer_id().value());
  json.field("producer_epoch", std::int32_t{batch.producer_epoch().value()});
  json.field("base_sequence", batch.base_sequence());
  json.field("transactional", batch.is_transactional()).field("control", batch.is_control());
  json.field("crc_ok", batch.crc_matches());
}

/// Prints one batch, with its records if they are wanted. False if it is damaged.
bool dump_batch(const Globals& globals, const DumpArguments& arguments, RecordKind kind,
                const record::BatchView& batch, std::uint64_t position, std::string& out) {
  Json json;
  bool good = batch.crc_matches();
  if (globals.json) {
    json.begin_object();
    batch_as_json(json, batch, position);
  } else {
    out += describe_batch(batch, position) + '\n';
  }
  if (arguments.records) {
    if (globals.json) json.key("content").begin_array();
    const record::DecompressionLimit no_limit{.max_output = SIZE_MAX, .max_ratio = SIZE_MAX};
    const auto read =
        record::for_each_record(batch, no_limit, [&](const record::RecordView& record) {
          const auto shown = batch.is_control() ? RecordKind::control : kind;
          if (globals.json) {
            dump_record(json, shown, record);
          } else {
            out += "  " + dump_record(shown, record) + '\n';
          }
        });
    if (globals.json) json.end_array();
    if (!read) {
      good = false;
      const auto why = fmt::format("{}: {}", to_string(read.error().code), read.error().why);
      globals.json ? void(json.field("error", why)) : void(out += "  " + why + '\n');
    }
  }
  if (globals.json) out += json.end_object().text() + '\n';
  return good;
}

Task<int> dump_log(Session& session, Globals globals, DumpArguments arguments, std::string path) {
  auto file = co_await session.disk.open(path, runtime::OpenMode::read);
  if (!file) co_return refuse(fmt::format("cannot read {}: {}", path, file.error().why));
  const auto size = co_await (*file)->size();
  if (!size) co_return refuse(fmt::format("cannot read {}: {}", path, size.error().why));
  BatchReader reader(**file, *size);
  Printer out;
  int code = 0;
  while (true) {
    const auto position = reader.position();
    const auto bytes = co_await reader.next();
    if (!bytes) {
      out.flush();
      fmt::print(stderr, "cairn: {} at {} of {} bytes: {}\n", path, position, *size,
                 bytes.error().why);
      co_return 1;
    }
    if (!*bytes) break;
    const auto batch = record::BatchView::parse(**bytes);
    if (!batch) {
      out.flush();
      fmt::print(stderr, "cairn: {} at {}: {}\n", path, position, batch.error().why);
      co_return 1;
    }
    if (!dump_batch(globals, arguments, kind_of(arguments, path), *batch, position, out.buffer())) {
      code = 1;
    }
    if (!out.settle()) break;
  }
  co_return code;
}

/// Index, snapshot and checkpoint files: small, so read whole.
Result<Table> table_of(const std::string& name, BytesView bytes) {
  const auto segment = log::parse_file_name(name);
  const auto text = [](auto number) { return fmt::to_string(number); };
  if (segment && segment->kind == log::FileKind::offset_index) {
    TRY(const auto index, log::OffsetIndex::decode(segment->offset, bytes));
    Table table({">OFFSET", ">POSITION"});
    for (std::size_t i = 0; i < index.entries(); i++) {
      table.add({text(index.entry(i).offset.value()), text(index.entry(i).position)});
    }
    return table;
  }
  if (segment && segment->kind == log::FileKind::time_index) {
    TRY(const auto index, log::TimeIndex::decode(segment->offset, bytes));
    Table table({">TIMESTAMP", ">OFFSET"});
    for (std::size_t i = 0; i < index.entries(); i++) {
      table.add({text(index.entry(i).timestamp), text(index.entry(i).offset.value())});
    }
    return table;
  }
  if (segment && segment->kind == log::FileKind::transaction_index) {
    TRY(const auto entries, log::decode_transaction_index(bytes, segment->offset));
    Table table({">PRODUCER", ">FIRST", ">LAST", ">LAST STABLE"});
    for (const auto& entry : entries) {
      table.add({text(entry.producer_id.value()), text(entry.first_offset.value()),
                 text(entry.last_offset.value()), text(entry.last_stable_offset.value())});
    }
    return table;
  }
  if (segment && segment->kind == log::FileKind::producer_snapshot) {
    TRY(const auto entries, log::decode_producer_snapshot(bytes));
    return producers_table(entries);
  }
  if (name == log::file_names::leader_epochs) {
    TRY(const auto entries, log::decode_epoch_checkpoint(bytes));
    Table table({">LEADER EPOCH", ">START OFFSET"});
    for (const auto& entry : entries) {
      table.add({text(entry.epoch.value()), text(entry.start_offset.value())});
    }
    return table;
  }
  if (name.ends_with("-checkpoint")) {
    TRY(const auto entries, log::decode_offset_checkpoint(bytes));
    Table table({"TOPIC", ">PARTITION", ">OFFSET"});
    for (const auto& entry : entries) {
      table.add({entry.partition.topic, text(entry.partition.partition.value()),
                 text(entry.offset.value())});
    }
    return table;
  }
  return fail(ErrorCode::invalid_request, "not a file of a Kafka log directory by its name");
}

Task<int> dump_small(Session& session, Globals globals, std::string path) {
  const auto bytes = co_await runtime::read_file(session.disk, path);
  if (!bytes) co_return refuse(fmt::format("cannot read {}: {}", path, bytes.error().why));
  const auto name = file_name_of(path);
  Printer out;
  if (name == log::file_names::partition_metadata || name == log::file_names::meta_properties) {
    out.buffer() = as_text(*bytes);
    if (!out.buffer().ends_with('\n')) out.buffer() += '\n';
    co_return 0;
  }
  const auto table = table_of(name, *bytes);
  if (!table) {
    fmt::print(stderr, "cairn: {}: {}\n", path, table.error().why);
    co_return 1;
  }
  out.buffer() = globals.json ? table->json() + '\n' : table->text();
  co_return 0;
}

Task<int> dump(Session& session, Globals globals, DumpArguments arguments) {
  arguments.records = arguments.records || arguments.decode != "auto";
  int code = 0;
  for (const auto& path : arguments.files) {
    if (arguments.files.size() > 1) fmt::print("{}:\n", path);
    std::fflush(stdout);
    const auto name = file_name_of(path);
    const auto segment = log::parse_file_name(name);
    const bool batches = (segment && segment->kind == log::FileKind::segment) ||
                         name.ends_with(".log") || log::parse_snapshot_file_name(name) ||
                         name == log::file_names::bootstrap;
    const int one = batches ? co_await dump_log(session, globals, arguments, path)
                            : co_await dump_small(session, globals, path);
    code = std::max(code, one);
  }
  co_return code;
}

}  // namespace

void add_log(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<DumpArguments>();
  auto* log = app.add_subcommand("log", "Look into the files of a log directory, offline");
  log->require_subcommand(1);
  add_log_verify(*log, program);
  add_log_repair(*log, program);
  auto* command = add_command(*log, "dump", "Print what a log, index, snapshot or checkpoint holds",
                              "cairn log dump --records data/orders-0/00000000000000000000.log");
  command->add_option("FILE", arguments->files, "Files, named as Kafka names them")->required();
  command->add_flag("-r,--records", arguments->records, "Records too, not batches alone");
  command
      ->add_option("--decode", arguments->decode,
                   "Keys and values as: auto (by the directory's name), plain, group, "
                   "transaction, share, metadata; implies --records")
      ->check(CLI::IsMember({"auto", "plain", "group", "transaction", "share", "metadata"}))
      ->capture_default_str();
  add_json(*command, program);
  command->callback([&program, arguments] {
    program.needs_cluster = false;
    program.chosen = [&program, arguments](Session& session) {
      return dump(session, program.globals, *arguments);
    };
  });
}

}  // namespace cairn::cli
