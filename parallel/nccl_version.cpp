// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/nccl_version.h"

#ifdef HECATON_WITH_NCCL
#include <nccl.h>
#endif

namespace hecaton::parallel {

#ifdef HECATON_WITH_NCCL
namespace {

std::string version_text(int code) {
  return std::to_string(code / 10000) + "." + std::to_string(code / 100 % 100) + "." +
         std::to_string(code % 100);
}

}  // namespace

std::string nccl_version() {
  int loaded = 0;
  if (ncclGetVersion(&loaded) != ncclSuccess) {
    return "unknown";
  }
  const std::string text = version_text(loaded);
  return loaded == NCCL_VERSION_CODE ? text
                                     : text + ", built with " + version_text(NCCL_VERSION_CODE);
}
#else
std::string nccl_version() {
  return "not built in";
}
#endif

}  // namespace hecaton::parallel
