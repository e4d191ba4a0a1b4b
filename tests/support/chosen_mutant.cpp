// SPDX-License-Identifier: Apache-2.0
// Every unit test program can run without a guard: CAIRN_MUTANT=L2 cairn_replication_tests must
// fail (tests/unit/guards_test.py). Owner: the program, before its first test.
#include <cstdlib>

#include <gtest/gtest.h>

#include <cairn/base/mutant.hpp>

#ifdef CAIRN_MUTANTS
namespace cairn {
namespace {

class ChosenMutant : public ::testing::Environment {
 public:
  void SetUp() override {
    if (const char* id = std::getenv("CAIRN_MUTANT")) choose_mutant(id);
  }
};

const auto* const registered = ::testing::AddGlobalTestEnvironment(new ChosenMutant);

}  // namespace
}  // namespace cairn
#endif
