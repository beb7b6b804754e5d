// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/training_log.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "core/log.h"
#include "recipes/data/recipe_data.h"
#include "recipes/train/console.h"
#include "recipes/train/host.h"
#include "recipes/train/number_text.h"

namespace hecaton::recipes {
namespace {

/// The locale that decides on characters: the first of these variables that is set (POSIX).
std::string_view character_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') {
      return value;
    }
  }
  return "";
}

/// What this rank sent and waited for over each axis that carries anything, per step.
void add_traffic(MetricRow& row,
                 const TrainingLog::Traffic& traffic,
                 const TrainingLog::Traffic& before,
                 int64_t num_steps) {
  for (const auto& [axis, now] : traffic) {
    if (now.num_messages == 0) {
      continue;
    }
    const auto found = before.find(axis);
    const parallel::AxisTraffic start =
        found == before.end() ? parallel::AxisTraffic() : found->second;
    const auto per_step = [num_steps](auto end, auto begin) {
      return static_cast<double>(end - begin) / static_cast<double>(num_steps);
    };
    const std::string prefix = "comm_" + axis;
    row.emplace_back(prefix + "_bytes", per_step(now.num_bytes, start.num_bytes));
    row.emplace_back(prefix + "_messages", per_step(now.num_messages, start.num_messages));
    row.emplace_back(prefix + "_flight_s", per_step(now.flight_s, start.flight_s));
    row.emplace_back(prefix + "_exposed_s", per_step(now.exposed_s, start.exposed_s));
  }
}

}  // namespace

bool is_logged(const Recipe& recipe, int64_t step) {
  return step == 1 || step == recipe.training.max_steps || step % recipe.logging.logging_steps == 0;
}

TrainingLog::TrainingLog(const RunFolder& folder, const Recipe& recipe, bool has_experts)
    : recipe_(recipe),
      has_experts_(has_experts),
      train_metrics_(folder.metrics_path("train")),
      eval_metrics_(folder.metrics_path("eval")) {}

void TrainingLog::add_step(const TrainingState& state,
                           const StepResult& result,
                           double lr,
                           double step_s,
                           const Traffic& traffic) {
  ++num_steps_;
  steps_s_ += step_s;
  ++num_interval_steps_;
  num_interval_tokens_ += result.num_tokens;
  interval_s_ += step_s;
  const int64_t step = state.step;
  if (!is_logged(recipe_, step)) {
    return;
  }
  const double tokens_per_s =
      static_cast<double>(num_interval_tokens_) / std::max(interval_s_, 1e-9);
  StepReport report;
  report.step = step;
  report.max_steps = recipe_.training.max_steps;
  report.loss = result.loss;
  report.grad_norm = result.grad_norm;
  report.lr = lr;
  report.tokens_per_s = static_cast<int64_t>(tokens_per_s);
  report.memory_gib = memory_gib();
  if (has_experts_) {
    report.max_violation = result.max_vio;
  }
  report.eta_s =
      steps_s_ / static_cast<double>(num_steps_) * static_cast<double>(report.max_steps - step);
  log_info(console_line(report));
  MetricRow row = {{"step", step},
                   {"time", state.elapsed_s},
                   {"tokens", state.num_tokens},
                   {"loss", result.loss},
                   {"grad_norm", result.grad_norm},
                   {"lr", lr},
                   {"tokens_per_s", tokens_per_s},
                   {"step_s", interval_s_ / static_cast<double>(num_interval_steps_)},
                   {"mem_gib", report.memory_gib},
                   {"max_vio", result.max_vio},
                   {"drop_frac", result.drop_frac}};
  for (const auto& [type, loss] : result.routing_losses) {
    row.emplace_back(type == "switch" ? "aux_loss" : type + "_loss", loss);
  }
  add_traffic(row, traffic, traffic_before_, num_interval_steps_);
  traffic_before_ = traffic;
  train_metrics_.write(row);
  num_interval_steps_ = 0;
  num_interval_tokens_ = 0;
  interval_s_ = 0.0;
}

void TrainingLog::add_evaluation(const TrainingState& state, const EvalResult& result) {
  const double perplexity = std::exp(result.loss);
  log_info("evaluation at step " + std::to_string(state.step) + " | loss " + fixed(result.loss, 4) +
           " nats per " + token_name(recipe_.dataset) + " | perplexity " + fixed(perplexity, 2));
  eval_metrics_.write({{"step", state.step},
                       {"tokens", state.num_tokens},
                       {"loss", result.loss},
                       {"perplexity", perplexity},
                       {"dataset", std::string("validation")}});
}

std::string closing_block(const Recipe& recipe,
                          const RunFolder& folder,
                          const TrainingState& state,
                          std::optional<double> bigram_loss) {
  std::ostringstream out;
  out << "\n";  // the block is a paragraph of its own
  const auto eval_losses = metric_points(folder.metrics_path("eval"), "loss");
  if (eval_losses.size() > 1) {
    out << "held-out loss  " << fixed(eval_losses.front().second, 4) << " -> "
        << fixed(eval_losses.back().second, 4) << " nats per " << token_name(recipe.dataset);
    if (bigram_loss) {
      out << "; byte-bigram model of the same data " << fixed(*bigram_loss, 4);
    }
    out << "\n";
  }
  out << loss_plot(metric_points(folder.metrics_path("train"), "loss"),
                   /*width=*/72,
                   /*height=*/12,
                   plot_characters(character_locale()))
      << "trained " << short_count(state.num_tokens) << " tokens in " << fixed(state.elapsed_s, 0)
      << " s; model in " << folder.step_path(state.step);
  return out.str();
}

}  // namespace hecaton::recipes
