// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/command_table.h"

#include <CLI/CLI.hpp>

#include "recipes/cli/bench_command.h"
#include "recipes/cli/dry_run.h"
#include "recipes/cli/model_commands.h"
#include "recipes/cli/oracle_command.h"

namespace hecaton::recipes {
namespace {

constexpr char kModelHelp[] = "Run folder (its latest step), step folder or model folder";

void add_recipe(CLI::App& app, Options& options) {
  app.add_option("recipe", options.recipe.path, "YAML recipe")->required();
}

void add_model(CLI::App& app, Options& options) {
  app.add_option("model", options.model, kModelHelp)->required();
}

Command train_command() {
  return {.name = "train",
          .purpose = "Train a model; under mpirun on many ranks",
          .example = "hecaton train configs/quickstart.yaml training.max_steps=100",
          .add_arguments =
              [](CLI::App& app, Options& options) {
                add_recipe(app, options);
                app.add_flag("--dry-run",
                             options.is_dry_run,
                             "Check everything, print sizes and the first batch, train nothing");
                app.add_option("--ranks", options.num_ranks, "Of the dry run; default 1")
                    ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
                    ->needs("--dry-run");
              },
          .run = [](const Options& options) { dry_run(options.recipe, options.num_ranks); },
          .run_on_world = [](const Options& options,
                             const auto& world) { return train(options.recipe, world); },
          .takes_overrides = true};
}

Command validate_command() {
  return {.name = "validate",
          .purpose = "Check a recipe and nothing else",
          .example = "hecaton validate configs/quickstart.yaml",
          .add_arguments = add_recipe,
          .run = [](const Options& options) { validate(options.recipe); },
          .takes_overrides = true};
}

Command print_config_command() {
  return {.name = "print-config",
          .purpose = "Print a recipe with every default and its origin",
          .example = "hecaton print-config configs/quickstart.yaml optimizer.lr=1e-3",
          .add_arguments = add_recipe,
          .run = [](const Options& options) { print_config(options.recipe); },
          .takes_overrides = true};
}

Command schema_command() {
  return {.name = "schema",
          .purpose = "Print the JSON schema of recipes, for editors",
          .example = "hecaton schema --output recipe.schema.json",
          .add_arguments =
              [](CLI::App& app, Options& options) {
                app.add_option("--format", options.format, "json (default) or markdown")
                    ->check(CLI::IsMember({"json", "markdown"}));
                app.add_option("--output", options.output, "A file instead of standard output");
              },
          .run = [](const Options& options) { print_schema(options.format, options.output); }};
}

Command oracle_command() {
  return {.name = "oracle",
          .purpose = "Check that every layout computes the same",
          .example = "hecaton oracle",
          .add_arguments =
              [](CLI::App& app, Options& options) {
                app.add_option(
                    "recipe", options.recipe.path, "Model to check; default: a tiny one");
              },
          .run = [](const Options& options) { run_oracle(options.recipe); },
          .takes_overrides = true};
}

Command eval_command() {
  return {.name = "eval",
          .purpose = "Loss of a model on held-out text",
          .example = "hecaton eval runs/quickstart --data docs",
          .add_arguments =
              [](CLI::App& app, Options& options) {
                add_model(app, options);
                app.add_option("--data",
                               options.data,
                               "Files or folders instead of the recipe's validation data");
              },
          .run = [](const Options& options) { evaluate(options.model, options.data); }};
}

Command generate_command() {
  return {
      .name = "generate",
      .purpose = "Continue a prompt",
      .example = "hecaton generate runs/quickstart --prompt 'namespace ' --temperature 0.7",
      .add_arguments =
          [](CLI::App& app, Options& options) {
            add_model(app, options);
            app.add_option("--prompt", options.prompt, "Text to continue");
            app.add_option("--max-new-tokens", options.sampling.max_new_tokens, "Default 200");
            app.add_option("--temperature", options.sampling.temperature, "Default 1; 0 is greedy");
            app.add_option("--top-k", options.sampling.top_k, "Draw among the K likeliest tokens");
            app.add_option(
                "--top-p", options.sampling.top_p, "Draw among the likeliest that reach P");
            app.add_option("--seed", options.sampling.seed, "Of the draws; default 0");
          },
      .run =
          [](const Options& options) {
            generate(options.model, options.prompt, options.sampling);
          }};
}

Command inspect_command() {
  return {.name = "inspect",
          .purpose = "Names, shapes and sizes of a model",
          .example = "hecaton inspect runs/quickstart",
          .add_arguments = add_model,
          .run = [](const Options& options) { inspect(options.model); }};
}

Command diff_command() {
  return {.name = "diff",
          .purpose = "Compare two models and their recipes",
          .example = "hecaton diff runs/quickstart runs/mine",
          .add_arguments =
              [](CLI::App& app, Options& options) {
                add_model(app, options);
                app.add_option("other", options.other_model, kModelHelp)->required();
              },
          .run = [](const Options& options) { diff(options.model, options.other_model); }};
}

Command convert_command() {
  return {.name = "convert",
          .purpose = "Write a model as one file, in shards or in another dtype",
          .example = "hecaton convert runs/quickstart build/sharded --max-shard-size 1MB",
          .add_arguments =
              [](CLI::App& app, Options& options) {
                add_model(app, options);
                app.add_option("output", options.output, "Model folder that does not exist yet")
                    ->required();
                app.add_option("--max-shard-size",
                               options.max_shard_bytes,
                               "Most bytes per file, such as 2GB or 500MiB; default: one file")
                    ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
                    ->check(CLI::PositiveNumber);
                app.add_option(
                       "--dtype", options.dtype, "float32, bfloat16 or float64; default: as is")
                    ->check(CLI::IsMember({"float32", "bfloat16", "float64"}));
              },
          .run =
              [](const Options& options) {
                convert(options.model, options.output, options.max_shard_bytes, options.dtype);
              }};
}

Command tokenize_command() {
  return {.name = "tokenize",
          .purpose = "Text into a data set of byte tokens",
          .example = "hecaton tokenize docs README.md --output build/pages",
          .add_arguments =
              [](CLI::App& app, Options& options) {
                TokenizeArguments& arguments = options.tokenize;
                app.add_option("input", arguments.inputs, "Files and folders")->required();
                app.add_option("--output", arguments.output, "PREFIX of PREFIX.bin and PREFIX.idx")
                    ->required();
                app.add_option("--format",
                               arguments.format,
                               "text: a document a file; jsonl: a document a line");
                app.add_option("--key", arguments.key, "Key of the text in a line; default text");
              },
          .run = [](const Options& options) { tokenize(options.tokenize); }};
}

Command recipes_command() {
  return {.name = "recipes",
          .purpose = "List the recipes of a folder",
          .example = "hecaton recipes configs",
          .add_arguments =
              [](CLI::App& app, Options& options) {
                app.add_option("folder", options.folder, "Default configs");
              },
          .run = [](const Options& options) { list_recipes(options.folder); }};
}

Command bench_command() {
  return {.name = "bench",
          .purpose = "Measure this machine",
          .example = "hecaton bench layer --json",
          .add_arguments =
              [](CLI::App& app, Options& options) {
                app.add_option("what", options.bench, "layer")->required();
                app.add_flag(
                    "--json", options.as_json, "One JSON object per case on standard output");
                app.add_option("--rounds", options.num_rounds, "Timed rounds per case; default 7");
                app.add_option("--threads", options.num_threads, "Default: every core");
              },
          .run =
              [](const Options& options) {
                bench(options.bench, options.as_json, options.num_rounds, options.num_threads);
              }};
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = {train_command(),
                                                 validate_command(),
                                                 print_config_command(),
                                                 schema_command(),
                                                 oracle_command(),
                                                 eval_command(),
                                                 generate_command(),
                                                 inspect_command(),
                                                 diff_command(),
                                                 convert_command(),
                                                 tokenize_command(),
                                                 recipes_command(),
                                                 bench_command()};
  return kCommands;
}

}  // namespace hecaton::recipes
