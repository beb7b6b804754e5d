// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/record_function.h>

/// Names the enclosing scope in LibTorch's profiler. Costs next to nothing while no profiler runs.
/// HECATON_TRACE_RANGE("moe.dispatch");
#define HECATON_TRACE_RANGE(name) RECORD_USER_SCOPE(name)
