// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/oracle_command.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "core/error.h"
#include "recipes/config/fault_list.h"
#include "recipes/train/base_model.h"
#include "recipes/train/layout_job.h"
#include "recipes/train/model_setup.h"
#include "recipes/train/number_text.h"

namespace hecaton::recipes {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kTolerance = 1e-10;
constexpr double kTimeLimitSeconds = 300.0;
constexpr int64_t kMaxRanks = 4;

std::vector<NamedLayoutJob> jobs_of(const RecipeArguments& arguments) {
  if (arguments.path.empty()) {
    if (!arguments.overrides.empty()) {
      throw ConfigError("there is no recipe that " + one_line(arguments.overrides.front()) +
                        " could change");
    }
    return layout_jobs(tiny_decoder(), {});
  }
  LoadedRecipe loaded = load_with_warnings(arguments);
  adopt_base_model(loaded);
  const Recipe& recipe = loaded.recipe;
  models::DecoderConfig model = decoder_config(recipe);
  if (model.moe.capacity.factor && model.moe.capacity.scope == moe::CapacityScope::kRank) {
    throw ConfigError(
        "moe.capacity_scope = rank: depends on the layout, and the oracle compares "
        "layouts; must be sequence or micro_batch");
  }
  model.validate();
  model.dtype = at::kDouble;
  return layout_jobs(model, optimizer_config(recipe));
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The report of one job, whose layouts carry the job's name.
parallel::OracleReport report_of(const NamedLayoutJob& job,
                                 const std::vector<parallel::Layout>& layouts) {
  try {
    parallel::OracleReport report = parallel::compare_layouts(make_layout_job(job.job), layouts);
    for (auto& [quantity, error] : report.worst) {
      error.layout += ", " + job.name;
    }
    return report;
  } catch (const NumericError& error) {
    throw NumericError(job.name + ": " + error.what());
  }
}

}  // namespace

void run_oracle(const RecipeArguments& arguments) {
  const std::vector<NamedLayoutJob> jobs = jobs_of(arguments);
  const models::DecoderConfig& model = jobs.front().job.model;
  const std::vector<parallel::Layout> layouts = parallel::layouts_up_to(
      kMaxRanks, model.moe.layers.empty() ? 1 : model.moe.router.num_experts);
  const Clock::time_point start = Clock::now();
  parallel::OracleReport sum;
  double longest_s = 0.0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (seconds_since(start) + longest_s > kTimeLimitSeconds) {
      std::cerr << "time is up: " << jobs.size() - i << " of " << jobs.size()
                << " jobs were left out" << std::endl;
      break;
    }
    const Clock::time_point job_start = Clock::now();
    const parallel::OracleReport report = report_of(jobs[i], layouts);
    longest_s = std::max(longest_s, seconds_since(job_start));
    std::fprintf(stderr,
                 "job %2zu of %zu | %zu layouts | worst %s | %.1f s | %s\n",
                 i + 1,
                 jobs.size(),
                 layouts.size(),
                 scientific(report.worst_error(), 1).c_str(),
                 seconds_since(start),
                 jobs[i].name.c_str());
    check_report(report);
    sum.merge(report);
  }
  std::cout << sum.text() << std::endl;
}

void check_report(const parallel::OracleReport& report) {
  for (const auto& [quantity, error] : report.worst) {
    if (error.error > kTolerance) {
      throw NumericError("layout " + error.layout + ": " + quantity + " of " + error.name +
                         ": expected the value of one process within " + scientific(kTolerance, 1) +
                         ", found a relative error of " + scientific(error.error, 1));
    }
  }
}

}  // namespace hecaton::recipes
