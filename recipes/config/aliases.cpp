// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/aliases.h"

#include <cstddef>
#include <map>
#include <sstream>
#include <utility>

#include "recipes/config/recipe_schema.h"
#include "recipes/config/tree_edit.h"
#include "recipes/config/value_form.h"

namespace hecaton::recipes {
namespace {

struct Alias {
  std::string name;
  std::string canonical;
  /// Values that are spelt differently under the canonical key.
  std::map<std::string, std::string> words = {};
};

/// Names of other trainers.
const std::vector<Alias>& aliases() {
  static const std::vector<Alias> kAliases = {
      {"batch_size", "training.micro_batch_size"},
      {"per_device_train_batch_size", "training.micro_batch_size"},
      {"local_batch_size", "training.micro_batch_size"},
      {"learning_rate", "optimizer.lr"},
      {"lr_scheduler_type", "lr_scheduler.type"},
      {"lr_decay_style",
       "lr_scheduler.type",
       {{"WSD", "wsd"}, {"inverse-square-root", "inverse_sqrt"}}},
      {"decay_ratio", "lr_scheduler.decay_steps"},
      {"num_warmup_steps", "lr_scheduler.warmup_steps"},
      {"lr_warmup_steps", "lr_scheduler.warmup_steps"},
      {"lr_warmup_iters", "lr_scheduler.warmup_steps"},
      {"warmup_ratio", "lr_scheduler.warmup_steps"},
      {"train_iters", "training.max_steps"},
      {"steps", "training.max_steps"},
      {"clip_grad_norm", "training.max_grad_norm"},
      {"clip_grad", "training.max_grad_norm"},
      {"gradient_checkpointing",
       "training.activation_checkpointing",
       {{"true", "full"}, {"false", "none"}}},
      {"enable_activation_checkpointing",
       "training.activation_checkpointing",
       {{"true", "full"}, {"false", "none"}}},
      {"sequence_len", "dataset.sequence_length"},
      {"cutoff_len", "dataset.sequence_length"},
      {"max_seq_len", "dataset.sequence_length"},
      {"seq_length", "dataset.sequence_length"},
      {"seq_len", "dataset.sequence_length"},
      {"sample_packing", "dataset.packing"},
      {"packed", "dataset.packing"},
      {"log_every_n_steps", "logging.logging_steps"},
      {"log_interval", "logging.logging_steps"},
      {"val_every_steps", "evaluation.eval_steps"},
      {"eval_interval", "evaluation.eval_steps"},
      {"torch_dtype", "model.dtype"},
      {"bf16", "model.dtype", {{"true", "bfloat16"}, {"false", "float32"}}},
      {"ep_size", "parallel.ep"},
      {"expert_parallel_size", "parallel.ep"},
      {"expert_model_parallel_size", "parallel.ep"},
      {"expert_parallel_degree", "parallel.ep"},
  };
  return kAliases;
}

constexpr char kLosses[] = "moe.losses";

/// Keys that stand for the coefficient of one entry of moe.losses, by the entry's type. They are
/// names that model files use, so they bring no warning.
const std::map<std::string, std::string>& loss_keys() {
  static const std::map<std::string, std::string> kKeys = {
      {"moe.router_aux_loss_coef", "switch"},
      {"moe.router_z_loss_coef", "z"},
  };
  return kKeys;
}

std::string name_in_section(const Alias& alias) {
  return alias.canonical.substr(0, alias.canonical.rfind('.') + 1) + alias.name;
}

const Alias* find_alias(const std::string& path) {
  for (const Alias& alias : aliases()) {
    if (path == alias.name || path == name_in_section(alias)) {
      return &alias;
    }
  }
  return nullptr;
}

YamlNode respell(const Alias& alias, YamlNode value) {
  const auto word = alias.words.find(value.text);
  if (value.is_plain_scalar() && word != alias.words.end()) {
    value.text = word->second;
  }
  return value;
}

std::string old_name_warning(const Origin& origin, const std::string& path, const Alias& alias) {
  const std::string place = origin.line == 0 ? origin.source : origin.text();
  return place + ": " + path + " is an old name of " + alias.canonical;
}

/// Place in moe.losses of the entry of that type: one past the last if there is none.
size_t loss_index(const YamlNode& losses, const std::string& type) {
  for (size_t idx = 0; idx < losses.children.size(); ++idx) {
    const YamlNode* entry_type = losses.children[idx].find("type");
    if (entry_type != nullptr && entry_type->text == type) {
      return idx;
    }
  }
  return losses.children.size();
}

void set_loss(YamlNode& recipe, const std::string& type, YamlNode coef, FaultList& faults) {
  const YamlNode losses = given_or_default(recipe, kLosses);
  if (losses.kind != YamlNode::Kind::kSequence) {
    return;  // reading the list reports why
  }
  set_path(recipe, kLosses, losses, faults);
  const size_t idx = loss_index(losses, type);
  const std::string entry = join_path(kLosses, std::to_string(idx));
  if (idx == losses.children.size()) {
    YamlNode type_node = YamlNode::quoted(type);
    type_node.origin = coef.origin;
    set_path(recipe, join_path(entry, "type"), std::move(type_node), faults);
  }
  set_path(recipe, join_path(entry, "coef"), std::move(coef), faults);
}

bool has_loss(const YamlNode& recipe, const std::string& type) {
  const YamlNode* losses = find_path(recipe, kLosses);
  if (losses == nullptr) {
    return false;
  }
  const size_t idx = loss_index(*losses, type);
  return idx < losses->children.size() && !losses->children[idx].origin.is_default();
}

/// The values under an old name: those of its canonical key, and words of its own.
YamlNode form_of(const Alias& alias) {
  std::string pointer = "#";
  std::istringstream parts(alias.canonical);
  for (std::string part; std::getline(parts, part, '.');) {
    pointer += "/properties/" + part;
  }
  const YamlNode canonical = json_object({{"$ref", YamlNode::quoted(pointer)}});
  std::vector<YamlNode> words;
  for (const auto& [word, canonical_word] : alias.words) {
    words.push_back(YamlNode::plain(word));
  }
  return words.empty()
             ? canonical
             : any_of({canonical, json_object({{"enum", YamlNode::sequence(std::move(words))}})});
}

}  // namespace

void rename_aliases(YamlNode& recipe, FaultList& faults, std::vector<std::string>& warnings) {
  for (const Alias& alias : aliases()) {
    for (const std::string& path : {alias.name, name_in_section(alias)}) {
      const YamlNode* old = find_path(recipe, path);
      if (old == nullptr) {
        continue;
      }
      YamlNode value = *old;
      erase_path(recipe, path);
      if (find_path(recipe, alias.canonical) != nullptr) {
        faults.add(value.key_origin,
                   path,
                   "is an old name of " + alias.canonical + ", which is given too");
        continue;
      }
      warnings.push_back(old_name_warning(value.key_origin, path, alias));
      set_path(recipe, alias.canonical, respell(alias, std::move(value)), faults);
    }
  }
  for (const auto& [path, type] : loss_keys()) {
    const YamlNode* old = find_path(recipe, path);
    if (old == nullptr) {
      continue;
    }
    YamlNode coef = *old;
    erase_path(recipe, path);
    if (has_loss(recipe, type)) {
      faults.add(coef.key_origin, path, "moe.losses has an entry of type " + type + " too");
    } else {
      set_loss(recipe, type, std::move(coef), faults);
    }
  }
}

void set_by_any_name(YamlNode& recipe,
                     const std::string& path,
                     YamlNode value,
                     FaultList& faults,
                     std::vector<std::string>& warnings) {
  const auto loss = loss_keys().find(path);
  if (loss != loss_keys().end()) {
    set_loss(recipe, loss->second, std::move(value), faults);
  } else if (const Alias* alias = find_alias(path)) {
    warnings.push_back(old_name_warning(value.origin, path, *alias));
    set_path(recipe, alias->canonical, respell(*alias, std::move(value)), faults);
  } else {
    set_path(recipe, path, std::move(value), faults);
  }
}

std::vector<OtherName> other_names() {
  std::vector<OtherName> names;
  for (const Alias& alias : aliases()) {
    for (const std::string& path : {alias.name, name_in_section(alias)}) {
      names.push_back({path,
                       alias.canonical,
                       "old name of " + alias.canonical,
                       /*is_old=*/true,
                       form_of(alias)});
    }
  }
  for (const auto& [path, type] : loss_keys()) {
    names.push_back({path,
                     "moe.losses",
                     "coefficient of the " + type + " loss in moe.losses",
                     /*is_old=*/false,
                     or_environment(number_form({.min = 0.0}))});
  }
  return names;
}

std::string canonical_path(const YamlNode& recipe, const std::string& path) {
  const auto loss = loss_keys().find(path);
  if (loss != loss_keys().end()) {
    const YamlNode losses = given_or_default(recipe, kLosses);
    const size_t idx = loss_index(losses, loss->second);
    return idx < losses.children.size() ? join_path(kLosses, std::to_string(idx)) : "";
  }
  const Alias* alias = find_alias(path);
  return alias == nullptr ? path : alias->canonical;
}

}  // namespace hecaton::recipes
