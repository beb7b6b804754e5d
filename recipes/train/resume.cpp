// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/resume.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "checkpoint/step_folder.h"
#include "checkpoint/store.h"
#include "core/error.h"
#include "recipes/config/recipe_io.h"
#include "recipes/train/agreement.h"

namespace hecaton::recipes {
namespace {

/// Keys, and sections with a dot at their end.
bool is_one_of(const std::string& key, const std::vector<std::string_view>& names) {
  return std::any_of(names.begin(), names.end(), [&key](std::string_view name) {
    return name.back() == '.' ? key.rfind(name, 0) == 0 : key == name;
  });
}

/// Tensors of the checkpoint would not fit, or mean something else.
bool changes_shape(const std::string& key) {
  static const std::vector<std::string_view> kFree = {"model.arch.rms_norm_eps",
                                                      "model.arch.initializer_range"};
  static const std::vector<std::string_view> kShapes = {"model.dtype",
                                                        "model.arch.",
                                                        "moe.num_experts",
                                                        "moe.moe_intermediate_size",
                                                        "moe.shared_expert_intermediate_size",
                                                        "moe.layers",
                                                        "moe.layers.",
                                                        "optimizer.type",
                                                        "tokenizer."};
  return is_one_of(key, kShapes) && !is_one_of(key, kFree);
}

/// A source's share of the samples. Without weights the fingerprint of the data tells all.
bool changes_weight(const RecipeChange& change) {
  const auto is_number = [](const std::string& value) {
    return value != "null" && value != "nothing";
  };
  return change.key.starts_with("dataset.train.") && change.key.ends_with(".weight") &&
         (is_number(change.before) || is_number(change.after));
}

/// The run would see other samples than if it had never stopped.
bool changes_samples(const RecipeChange& change) {
  static const std::vector<std::string_view> kSamples = {"seed",
                                                         "training.global_batch_size",
                                                         "dataset.sequence_length",
                                                         "dataset.packing",
                                                         "dataset.cross_document_attention"};
  return is_one_of(change.key, kSamples) || changes_weight(change);
}

/// Differs from start to start without a change of the run.
bool is_of_no_account(const std::string& key) {
  static const std::vector<std::string_view> kOther = {"output_dir",
                                                       "checkpoint.",
                                                       "parallel.",
                                                       "training.num_threads",
                                                       "training.micro_batch_size",
                                                       "training.gradient_accumulation_steps"};
  return is_one_of(key, kOther);
}

std::string text_of(const RecipeChange& change) {
  return change.key + " was " + change.before + " and is " + change.after;
}

using World = std::shared_ptr<parallel::Communicator>;

std::optional<checkpoint::Checkpoint> open_checkpoint(const Recipe& now, const World& world) {
  const std::string& resume = *now.checkpoint.resume;
  const bool is_auto = resume == "auto";
  std::optional<checkpoint::Checkpoint> newest =
      checkpoint::Store(is_auto ? now.output_dir : resume, world).open_newest();
  if (newest || is_auto) {
    return newest;
  }
  return checkpoint::Checkpoint(resume, world);  // no run folder, so it must be a step folder
}

/// Whether a step folder lies in a run folder, however their paths are written: the answer of rank
/// 0, on every rank.
bool lies_in(const std::string& step_folder,
             const std::string& run_folder,
             parallel::Communicator& world) {
  std::error_code error;  // a folder that is not there holds nothing
  return world.all_agree(world.rank() != 0 ||
                         std::filesystem::equivalent(step_folder + "/..", run_folder, error));
}

/// The next start would go on from the newer checkpoint, which is of another course of training.
void refuse_newer_steps(const std::string& run_folder, int64_t step, const std::string& folder) {
  const std::vector<int64_t> steps = checkpoint::complete_steps(run_folder);
  if (!steps.empty() && steps.back() > step) {
    throw ConfigError("output_dir = " + run_folder + ": holds " +
                      checkpoint::step_folder_name(steps.back()) + ", newer than " + folder +
                      " to go on from; go on with checkpoint.resume=auto or name another folder");
  }
}

}  // namespace

std::vector<RecipeChange> check_resume(const Recipe& before,
                                       const Recipe& now,
                                       const TrainingState& state,
                                       const std::string& folder,
                                       uint64_t fingerprint) {
  std::vector<RecipeChange> changes = compare_recipes(before, now);
  changes.erase(
      std::remove_if(changes.begin(),
                     changes.end(),
                     [](const RecipeChange& change) { return is_of_no_account(change.key); }),
      changes.end());
  for (const RecipeChange& change : changes) {
    if (changes_shape(change.key)) {
      throw CheckpointError(folder + ": of another model: " + text_of(change));
    }
  }
  if (now.checkpoint.allow_changes) {
    return changes;
  }
  const std::string remedy = "; checkpoint.allow_changes=true goes on all the same";
  const auto other_samples = std::find_if(changes.begin(), changes.end(), changes_samples);
  if (other_samples != changes.end()) {
    throw ConfigError("cannot go on from " + folder + ": " + text_of(*other_samples) + remedy);
  }
  if (fingerprint != state.data_fingerprint) {
    throw ConfigError("cannot go on from " + folder +
                      ": dataset.train no longer holds the same tokens" + remedy);
  }
  return changes;
}

std::optional<ResumePoint> find_resume_point(const Recipe& now,
                                             uint64_t fingerprint,
                                             const World& world) {
  if (!now.checkpoint.resume) {
    return std::nullopt;
  }
  std::optional<checkpoint::Checkpoint> found = open_checkpoint(now, world);
  if (!found) {
    return std::nullopt;
  }
  const std::string folder = found->folder();
  const TrainingState state = training_state_from_json(found->read_file(kTrainingStateName),
                                                       folder + "/" + kTrainingStateName);
  const Recipe before = load_recipe(folder + "/config.yaml").recipe;
  std::vector<RecipeChange> changes = check_resume(before, now, state, folder, fingerprint);
  const bool is_of_this_run = lies_in(folder, now.output_dir, *world);
  if (!is_of_this_run) {
    on_main_rank(*world, [&] { refuse_newer_steps(now.output_dir, state.step, folder); });
  }
  return ResumePoint{std::move(*found), state, std::move(changes), is_of_this_run};
}

}  // namespace hecaton::recipes
