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

void check_available(const std::string& where, CpuKind kind) {
  if (kind > best_kind()) {
    throw ConfigError(where + ": this CPU is no more than " + cpu_kind_name(best_kind()) +
                      ", found " + cpu_kind_name(kind));
  }
}

CpuKind initial_kind() {
  const char* name = std::getenv("HECATON_CPU");
  if (name == nullptr || *name == '\0') {
    return best_kind();
  }
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == std::string(kNames[i])) {
      const auto kind = static_cast<CpuKind>(i);
      check_available("HECATON_CPU", kind);
      return kind;
    }
  }
  throw ConfigError("HECATON_CPU: must be one of generic, avx2, avx512, avx512_bf16, amx, found '" +
                    std::string(name) + "'");
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

std::vector<CpuKind> available_cpu_kinds() {
  std::vector<CpuKind> kinds;
  for (size_t i = 0; i <= static_cast<size_t>(best_kind()); ++i) {
    kinds.push_back(static_cast<CpuKind>(i));
  }
  return kinds;
}

CpuKindScope::CpuKindScope(CpuKind kind) : outer_(cpu_kind()) {
  check_available("CpuKindScope", kind);
  current_kind() = kind;
}

CpuKindScope::~CpuKindScope() {
  current_kind() = outer_;
}

}  // namespace hecaton::kernels
