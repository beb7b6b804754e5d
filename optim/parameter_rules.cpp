// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/parameter_rules.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <fnmatch.h>

namespace hecaton::optim {
namespace {

using Names = std::vector<std::string>;

/// The global names in a stored tensor and, where experts are stored, in its counterparts on the
/// other ranks: those of the first local expert under every expert's number.
Names global_names(const Parameter& parameter, int64_t num_experts) {
  const std::string marker = ".experts.";
  const std::string& first = parameter.slices.front().name;
  const size_t found = first.find(marker);
  Names names;
  if (parameter.replicas != ReplicaAxis::kExpert || found == std::string::npos) {
    for (const NamedSlice& slice : parameter.slices) {
      names.push_back(slice.name);
    }
    return names;
  }
  const std::string layer = first.substr(0, found + marker.size());
  const std::string expert = first.substr(0, first.find('.', layer.size()) + 1);
  for (const NamedSlice& slice : parameter.slices) {
    for (int64_t e = 0; e < num_experts && slice.name.rfind(expert, 0) == 0; ++e) {
      names.push_back(layer + std::to_string(e) + "." + slice.name.substr(expert.size()));
    }
  }
  return names;
}

bool matches(const ParameterRule& rule, const std::string& name) {
  return fnmatch(rule.match.c_str(), name.c_str(), /*flags=*/0) == 0;
}

/// Characters to insert, delete or replace until `pattern`, whose stars are free, matches `name`.
size_t distance(const std::string& pattern, const std::string& name) {
  std::vector<size_t> row(name.size() + 1);  // of the pattern so far, to each start of the name
  std::iota(row.begin(), row.end(), size_t{0});
  for (const char c : pattern) {
    std::vector<size_t> next(row.size());
    next[0] = row[0] + (c == '*' ? 0 : 1);
    for (size_t j = 1; j < row.size(); ++j) {
      next[j] =
          c == '*'
              ? std::min(row[j], next[j - 1])
              : std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (c == name[j - 1] ? 0 : 1)});
    }
    row = std::move(next);
  }
  return row.back();
}

std::string nearest(const std::string& pattern, const std::vector<Names>& names) {
  std::string best;
  size_t best_distance = 0;
  for (const Names& tensor : names) {
    for (const std::string& name : tensor) {
      const size_t candidate = distance(pattern, name);
      if (best.empty() || candidate < best_distance) {
        best = name;
        best_distance = candidate;
      }
    }
  }
  return best;
}

/// Which rule each stored tensor gets, and what is wrong with the rules.
class Assignment {
 public:
  Assignment(const std::vector<ParameterRule>& rules, std::vector<Names> names)
      : rules_(rules), names_(std::move(names)), is_used_(rules.size()), is_split_(rules.size()) {}

  /// Errors go to `faults`, whose root is "optimizer".
  std::vector<const ParameterRule*> assign(ConfigFaults& faults) {
    std::vector<const ParameterRule*> assigned;
    for (const Names& tensor : names_) {
      assigned.push_back(rule_of(tensor, faults));
    }
    for (size_t i = 0; i < rules_.size(); ++i) {
      if (!is_used_[i]) {
        add_fault(i, unused_text(rules_[i]), faults);
      }
    }
    return assigned;
  }

 private:
  /// Index of the first rule that matches; one past the last if none does.
  size_t first_match(const std::string& name) const {
    const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const ParameterRule& rule) {
      return matches(rule, name);
    });
    return static_cast<size_t>(found - rules_.begin());
  }

  const ParameterRule* rule_of(const Names& tensor, ConfigFaults& faults) {
    const size_t idx = first_match(tensor.front());
    for (const std::string& name : tensor) {
      const size_t other = first_match(name);
      if (other < rules_.size()) {
        is_used_[other] = true;
      }
      if (other < idx) {
        refuse_split(other, name, tensor.front(), faults);
      } else if (idx < other) {
        refuse_split(idx, tensor.front(), name, faults);
      }
    }
    return idx < rules_.size() ? &rules_[idx] : nullptr;
  }

  /// Once per rule: the other layers have the same fault.
  void refuse_split(size_t rule,
                    const std::string& matched,
                    const std::string& left_out,
                    ConfigFaults& faults) {
    if (!is_split_[rule]) {
      is_split_[rule] = true;
      add_fault(rule,
                "matches " + matched + " but not " + left_out +
                    ", which is stored with it and must be treated alike",
                faults);
    }
  }

  std::string unused_text(const ParameterRule& rule) const {
    for (const Names& tensor : names_) {
      for (const std::string& name : tensor) {
        if (matches(rule, name)) {
          return "matches only parameters that an earlier group has, such as " + name;
        }
      }
    }
    return "matches no parameter; the nearest is " + nearest(rule.match, names_);
  }

  void add_fault(size_t rule, const std::string& text, ConfigFaults& faults) const {
    faults.require(false, "groups." + std::to_string(rule) + ".match", rules_[rule].match, text);
  }

  const std::vector<ParameterRule>& rules_;
  std::vector<Names> names_;  ///< per stored tensor
  std::vector<bool> is_used_;
  std::vector<bool> is_split_;
};

}  // namespace

void ParameterRule::collect_faults(ConfigFaults& faults) const {
  faults.require(std::isfinite(update.lr_scale) && update.lr_scale > 0.0,
                 "lr_scale",
                 update.lr_scale,
                 "must be finite and above 0");
  const double weight_decay = update.weight_decay.value_or(0.0);
  faults.require(std::isfinite(weight_decay) && weight_decay >= 0.0,
                 "weight_decay",
                 weight_decay,
                 "must be finite and at least 0");
}

void apply_rules(const std::vector<ParameterRule>& rules,
                 int64_t num_experts,
                 std::vector<Parameter>& parameters) {
  ConfigFaults faults("optimizer");
  for (size_t i = 0; i < rules.size(); ++i) {
    faults.require_valid("groups." + std::to_string(i), rules[i]);
  }
  std::vector<Names> names;
  names.reserve(parameters.size());
  for (const Parameter& parameter : parameters) {
    names.push_back(global_names(parameter, num_experts));
  }
  const std::vector<const ParameterRule*> assigned =
      Assignment(rules, std::move(names)).assign(faults);
  const bool is_all_frozen =
      std::all_of(assigned.begin(), assigned.end(), [](const ParameterRule* rule) {
        return rule != nullptr && rule->update.is_frozen;
      });
  faults.require(
      !is_all_frozen || parameters.empty(), "groups", "frozen", "leave nothing to train");
  faults.throw_if_any();
  for (size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].update = assigned[i] == nullptr ? UpdateRule{} : assigned[i]->update;
    parameters[i].tensor.set_requires_grad(!parameters[i].update.is_frozen);
  }
}

}  // namespace hecaton::optim
