// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/config_faults.h"

#include "core/error.h"

namespace hecaton {

void ConfigFaults::throw_if_any() const {
  if (faults_.empty()) {
    return;
  }
  std::string text;
  for (const Fault& fault : faults_) {
    text += (text.empty() ? "" : "\n") + fault.path + " = " + fault.value + ": " + fault.rule;
  }
  throw ConfigError(text);
}

}  // namespace hecaton
