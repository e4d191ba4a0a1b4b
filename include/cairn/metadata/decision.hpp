// SPDX-License-Identifier: Apache-2.0
// What a decide function returns: the records that make the change, and the answer that may leave
// once they are committed. Decide functions are const: they look at an Image and change nothing;
// the records do, when they are applied. Atomic records go into one batch, or into one metadata
// transaction when they are too many for a batch.
#pragma once

#include <vector>

#include <cairn/metadata/record.hpp>

namespace cairn::metadata {

template <class Response>
struct Decision {
  std::vector<Record> records;
  Response response;
};

}  // namespace cairn::metadata
