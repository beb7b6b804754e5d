// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/cpu_kind.h"

#include <array>
#include <atomic>
#include <cstdlib>

#if defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "core/check.h"
#include "core/error.h"

namespace hecaton::kernels {
namespace {

constexpr std::array<const char*, 5> kNames = {"generic", "avx2", "avx512", "avx512_bf16", "amx"};

#if defined(__x86_64__)
/// Linux saves the matrix registers of those processes alone that asked for it.
bool may_use_matrix_registers() {
  constexpr int64_t kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int64_t kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

/// CPUID leaf 7, subleaf 0, EDX: GCC 12 knows no name for them.
bool has_amx_bf16() {
  uint32_t eax = 7;
  uint32_t ebx = 0;
  uint32_t ecx = 0;
  uint32_t edx = 0;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  constexpr uint32_t kAmxBf16 = 1U << 22;
  constexpr uint32_t kAmxTile = 1U << 24;
  return (edx & kAmxBf16) != 0 && (edx & kAmxTile) != 0;
}

CpuKind detect() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    return CpuKind::kGeneric;
  }
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
    return CpuKind::kAvx2;
  }
  if (!__builtin_cpu_supports("avx512bf16")) {
    return CpuKind::kAvx512;
  }
  return has_amx_bf16() && may_use_matrix_registers() ? CpuKind::kAmx : CpuKind::kAvx512Bf16;
}
#else
CpuKind detect() {
  return CpuKind::kGeneric;
}
#endif

CpuKind best_kind() {
  static const CpuKind kBest = detect();
  return kBest;
}

CpuKind initial_kind() {
  const char* name = std::getenv("HECATON_CPU");
  return name == nullptr || *name == '\0' ? best_kind() : parse_cpu_kind(name, best_kind());
}

std::atomic<CpuKind>& current_kind() {
  static std::atomic<CpuKind> kind = initial_kind();
  return kind;
}

}  // namespace

CpuKind cpu_kind() {
  return current_kind();
}

std::string cpu_kind_name(CpuKind kind) {
  return kNames[static_cast<size_t>(kind)];
}

CpuKind parse_cpu_kind(const std::string& name, CpuKind best) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name != kNames[i]) {
      continue;
    }
    const auto kind = static_cast<CpuKind>(i);
    if (kind > best) {
      throw ConfigError("HECATON_CPU: this CPU is no more than " + cpu_kind_name(best) +
                        ", found " + name);
    }
    return kind;
  }
  throw ConfigError("HECATON_CPU: must be one of generic, avx2, avx512, avx512_bf16, amx, found '" +
                    name + "'");
}

std::vector<CpuKind> available_cpu_kinds() {
  std::vector<CpuKind> kinds;
  for (size_t i = 0; i <= static_cast<size_t>(best_kind()); ++i) {
    kinds.push_back(static_cast<CpuKind>(i));
  }
  return kinds;
}

CpuKindScope::CpuKindScope(CpuKind kind) : outer_(cpu_kind()) {
  HECATON_CHECK(kind <= best_kind(), "this CPU is not of that kind");
  current_kind() = kind;
}

CpuKindScope::~CpuKindScope() {
  current_kind() = outer_;
}

}  // namespace hecaton::kernels
