// SPDX-License-Identifier: Apache-2.0
// Names, types and conditions of the generated C++: what the emitters share. Pure functions of the
// model; two emitters that ask about the same field get the same text, so structs, codecs and tests
// agree. Owned by nobody: there is no state.
#pragma once

#include <string>
#include <string_view>

#include "schema.hpp"

namespace cairn::protocol::generator {

/// "LeaderEpoch" becomes "leader_epoch"; Kafka's KRaft is one word.
std::string snake_case(std::string_view name);
/// Whether C++ or the generated structs need this name for something else.
bool is_reserved(std::string_view snake_name);

/// The type of one element, seen from inside the message: "std::int32_t", "FetchTopic".
std::string element_type(const Field& field);
/// With vector and optional around it.
std::string cpp_type(const Field& field);
/// What follows the name in the declaration: " = -1", or nothing.
std::string initializer(const Field& field);
/// An expression that is true if `value` differs from the field's default. `scope` is the message.
std::string differs_from_default(const Field& field, const std::string& value);

/// The condition on `version` that holds in `versions`, known to lie in `context`: "version >= 9".
/// Empty if it always holds.
std::string condition(Versions versions, Versions context);
/// Its opposite. REQUIRES: condition() is not empty.
std::string negation(Versions versions, Versions context);
/// Which lengths a field has, inside the block of its versions: "compact_if(version >= 9)".
std::string lengths_argument(const Field& field);
/// ", Null::refused" and the like where null is not legal in every version of the field, or
/// nothing.
std::string null_argument(const Field& field);
/// The bytes a struct takes at least, as an expression on `version` for the versions in `context`.
std::string wire_size(const Struct& structure, Versions context);

}  // namespace cairn::protocol::generator
