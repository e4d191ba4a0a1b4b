// SPDX-License-Identifier: Apache-2.0
// What a restart does with a swap that a stop has cut short, in a partition's directory: a
// replacement that was not whole goes, one that was is finished. The order of its own steps makes
// it repeatable: a crash at any of them leaves what it can begin anew with. Owner: LogRecovery.
#pragma once

#include <set>
#include <string>

#include <cairn/storage/environment.hpp>

namespace cairn::storage {

using FileNames = std::set<std::string, std::less<>>;

/// Removes .deleted and .cleaned files and half-made .swap files; puts whole .swap segments in the
/// place of what they replace. `names` are the directory's files, and are kept up to date.
runtime::Task<Result<>> finish_swaps(Environment& environment, std::string directory,
                                     FileNames& names);

}  // namespace cairn::storage
