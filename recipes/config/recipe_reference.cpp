// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_reference.h"

#include <cstddef>
#include <map>
#include <set>
#include <vector>

#include "recipes/config/aliases.h"
#include "recipes/config/recipe_schema.h"
#include "recipes/config/value_form.h"

namespace hecaton::recipes {
namespace {

constexpr char kIntroduction[] = R"(# Recipes

A recipe is one strict YAML file that describes a run. What it leaves out has a default. An unknown or repeated key, a
wrong type, a value out of range, two keys that contradict each other, an anchor or a tag is an error that names file,
line and column; all faults of a recipe are listed at once, 100 at most.

This page is written by `hecaton schema --format markdown`, from the same registry that reads recipes. `hecaton schema`
prints it as a JSON schema, with which editors complete and check keys: put
`# yaml-language-server: $schema=recipe.schema.json` on top of a recipe and run
`hecaton schema --output recipe.schema.json`. `hecaton print-config RECIPE` shows every value and where it comes from.

## An example

```yaml
model:
  arch: {hidden_size: 256, num_hidden_layers: 6, num_attention_heads: 8}
moe:
  num_experts: 16
  num_experts_per_tok: 2
  losses: [{type: switch, coef: 0.01}, {type: z, coef: 0.001}]
dataset:
  train: [{path: "${BOOKS:-data/books}", extensions: [.txt]}]
  validation_fraction: 0.05
training:
  global_batch_size: 32
  gradient_accumulation_steps: 2
  max_steps: 2000
optimizer: {lr: 1.0e-3}
lr_scheduler: {type: cosine, warmup_steps: 0.05}
```

## On the command line

| argument | what it does |
|---|---|
| `a.b.c=value` | sets a key; the value is YAML. `+a.b.c=value` and `--a.b.c=value` do the same; the last one wins |
| `a.list.0=value` | sets an entry of a list, or appends one |
| `~a.b` | gives a key its default back, or deletes an entry of a list |

`${NAME}` in a value, and `${NAME:-default}`, stand for an environment variable; `$${` is a plain `${`.
)";

/// Fit for a cell of a table.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '|' ? "\\|" : std::string(1, c);
  }
  return escaped;
}

std::string value_text(const YamlNode& value) {
  return value.kind == YamlNode::Kind::kScalar ? value.text : print_json_line(value);
}

std::string default_cell(const KeyDescription& key) {
  if (key.is_required) {
    return "required";
  }
  return key.default_value ? "`" + cell(value_text(*key.default_value)) + "`" : "";
}

std::string row(const std::string& name, const KeyDescription& key) {
  return "| `" + name + "` | " + cell(key.expected) + " | " + default_cell(key) + " | " +
         cell(key.doc) + " |\n";
}

/// The rows of a key and, for a list of sections, of the keys of its entries.
std::string rows(const std::string& name, const KeyDescription& key) {
  std::string text = row(name, key);
  for (const KeyDescription& entry_key : key.form.entry_keys) {
    text += rows(name + "[]." + entry_key.path, entry_key);
  }
  return text;
}

std::string table(const std::vector<KeyDescription>& keys, const std::string& section) {
  std::string text;
  for (const KeyDescription& key : keys) {
    const size_t dot = key.path.rfind('.');
    const bool is_top = dot == std::string::npos;
    if ((is_top ? "" : key.path.substr(0, dot)) == section) {
      text += rows(is_top ? key.path : key.path.substr(dot + 1), key);
    }
  }
  return text.empty() ? "" : "\n| key | value | default | meaning |\n|---|---|---|---|\n" + text;
}

/// Names of other trainers, one row per canonical key.
std::string other_names_table() {
  std::map<std::string, std::set<std::string>> names;
  for (const OtherName& name : other_names()) {
    if (name.is_old) {
      names[name.canonical].insert("`" + name.path.substr(name.path.rfind('.') + 1) + "`");
    }
  }
  std::string text =
      "\n## Other names\n\nNames that other trainers use, at the top of a recipe or in the section "
      "of the key.\nEach brings one warning.\n\n| key | other names |\n|---|---|\n";
  for (const auto& [canonical, others] : names) {
    text += "| `" + canonical + "` |";
    for (const std::string& other : others) {
      text += (other == *others.begin() ? " " : ", ") + other;
    }
    text += " |\n";
  }
  return text +
         "\n`moe.router_aux_loss_coef` and `moe.router_z_loss_coef` set the coefficient of one "
         "entry of "
         "`moe.losses`.\n";
}

}  // namespace

std::string recipe_reference() {
  const std::vector<KeyDescription> keys = recipe_schema().describe();
  std::string text = std::string(kIntroduction) + "\n## Top level\n" + table(keys, "");
  for (const auto& [section, doc] : recipe_sections()) {
    text.append("\n## `").append(section).append("`\n\n").append(doc).append("\n");
    text += table(keys, section);
  }
  return text + other_names_table();
}

}  // namespace hecaton::recipes
