// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

namespace hecaton::kernels {

/// What a CPU can do, from less to more; each kind can do what stands before it. Experts, and the
/// combination of their rows, have kernels of their own from kAvx2 on.
enum class CpuKind {
  kGeneric,     ///< products by LibTorch's libraries, plain loops
  kAvx2,        ///< AVX2 and FMA
  kAvx512,      ///< AVX-512 F, BW, DQ, VL
  kAvx512Bf16,  ///< AVX512_BF16: products of bfloat16 pairs
  kAmx,         ///< AMX-BF16: matrix registers, and the system lets us use them
};

/// The kind that kernels are chosen by: that of this CPU, or the lower one that the environment
/// variable HECATON_CPU names.
/// Errors: as parse_cpu_kind().
CpuKind cpu_kind();

/// generic, avx2, avx512, avx512_bf16 or amx.
std::string cpu_kind_name(CpuKind kind);

/// The kind of that name, for a CPU that is of the kind `best`.
/// Errors: ConfigError for another name, or a kind above `best`.
CpuKind parse_cpu_kind(const std::string& name, CpuKind best);

/// Every kind that this CPU is, from less to more; for tests that go through all of them.
std::vector<CpuKind> available_cpu_kinds();

/// While it lives, cpu_kind() is `kind` in every thread. For tests. Not thread-safe.
class CpuKindScope {
 public:
  /// Errors: InternalError if this CPU is not of that kind.
  explicit CpuKindScope(CpuKind kind);
  ~CpuKindScope();
  CpuKindScope(const CpuKindScope&) = delete;
  CpuKindScope& operator=(const CpuKindScope&) = delete;

 private:
  CpuKind outer_;
};

}  // namespace hecaton::kernels
