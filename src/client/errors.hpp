// SPDX-License-Identifier: Apache-2.0
// What an error code that came from a broker means for a client: its words, and what to do about
// it.
#pragma once

#include <cairn/base/result.hpp>

namespace cairn::client {

/// A sentence for a person, for codes that came without one. Never null.
const char* meaning_of(ErrorCode code);
/// The code with its meaning.
inline Error error_of(ErrorCode code) { return {code, meaning_of(code)}; }

/// The picture of the cluster was wrong: fetch metadata before trying again.
bool wants_metadata(ErrorCode code);
/// The group's coordinator has moved: look it up before trying again.
bool wants_coordinator(ErrorCode code);

}  // namespace cairn::client
