// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/trace.h"

#include <memory>
#include <string>
#include <vector>

#include <ATen/record_function.h>
#include <gtest/gtest.h>

namespace hecaton {
namespace {

std::vector<std::string> ranges;  // a callback of LibTorch is a plain function pointer

std::unique_ptr<at::ObserverContext> note_range(const at::RecordFunction& range) {
  ranges.emplace_back(range.name());
  return nullptr;
}

TEST(TraceTest, NamesItsScopeInTheProfiler) {
  const auto callback = at::addThreadLocalCallback(
      at::RecordFunctionCallback(&note_range).scopes({at::RecordScope::USER_SCOPE}));
  {
    HECATON_TRACE_RANGE("moe.dispatch");
    ranges.emplace_back("inside");
  }
  at::removeCallback(callback);
  HECATON_TRACE_RANGE("not observed");
  EXPECT_EQ(ranges, (std::vector<std::string>{"moe.dispatch", "inside"}));
}

}  // namespace
}  // namespace hecaton
