// SPDX-License-Identifier: Apache-2.0
// Records of logs as text: the internal topics' keys and values by their schemas, others as they
// are. Pure. Owner: `cairn log dump`.
#pragma once

#include <span>

#include <cairn/log/producer_state.hpp>
#include <cairn/record/record.hpp>

#include "output.hpp"

namespace cairn::cli {

enum class RecordKind : std::uint8_t { plain, group, transaction, share, metadata, control };
std::optional<RecordKind> parse_record_kind(std::string_view name);

/// "offset 5 timestamp 1700000000000 key ... value ...".
std::string dump_record(RecordKind kind, const record::RecordView& record);
/// The same as an object.
void dump_record(Json& json, RecordKind kind, const record::RecordView& record);

Table producers_table(std::span<const log::ProducerEntry> entries);

}  // namespace cairn::cli
