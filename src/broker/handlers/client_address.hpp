// SPDX-License-Identifier: Apache-2.0
// A client's address as an Envelope carries it: four or sixteen raw bytes. Pure text and bytes,
// both ways; what is no address (a name) becomes 0.0.0.0.
#pragma once

#include <string>
#include <string_view>

#include <cairn/base/bytes.hpp>

namespace cairn::broker {

Bytes address_bytes(std::string_view text);
std::string address_text(BytesView bytes);

}  // namespace cairn::broker
