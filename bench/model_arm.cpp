// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Training steps of one model for bench/model_vs_hf: model_arm TOKENS THREADS DTYPE
//
// TOKENS is a safetensors file with token_NBQ [N, B, Q + 1] int64: step s trains on entry s % N.
// The steps are those of `hecaton train` on one process. Reads commands from standard input, a line
// each, and answers each with a line:
//   save FOLDER   the weights as a model folder, config.json and model.safetensors
//   step          one step; milliseconds and mean loss
//   reset-peak    begins to watch the largest resident memory anew
//   peak          the largest resident memory in bytes (VmHWM)
//   peak-before-model
//                 what that was before the model was made
//   profile N     N steps; JSON of where their time went, in milliseconds per step
//   quit

#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <hecaton/checkpoint/safetensors.h>
#include <hecaton/parallel/single.h>
#include <hecaton/recipes/model/model_files.h>
#include <hecaton/recipes/train/host.h>
#include <hecaton/recipes/train/training_engine.h>
#include <nlohmann/json.hpp>

#include "bench/step_profile.h"

namespace {

namespace recipes = hecaton::recipes;

/// The shape of OLMoE-1B-7B, smaller: four layers of 64 experts, of which each token takes 8.
hecaton::models::DecoderConfig model_config(at::ScalarType dtype) {
  hecaton::models::DecoderConfig config;
  config.hidden_size = 512;
  config.num_hidden_layers = 4;
  config.num_attention_heads = 8;
  config.num_key_value_heads = 8;
  config.head_dim = 64;
  config.vocab_size = 512;
  config.qk_norm = true;
  config.dtype = dtype;
  config.moe.layers = {0, 1, 2, 3};
  config.moe.moe_intermediate_size = 256;
  config.moe.router.num_experts = 64;
  config.moe.router.num_experts_per_tok = 8;
  return config;
}

class ModelArm {
 public:
  ModelArm(const std::string& tokens, at::ScalarType dtype)
      : token_NBQ_(hecaton::checkpoint::SafetensorsFile(tokens).load("token_NBQ")),
        mesh_(hecaton::parallel::make_single(), /*ep=*/1),
        engine_(model_config(dtype), {}, /*seed=*/1, mesh_) {}

  void save(const std::string& folder) { recipes::save_model(*engine_.decoder(), mesh_, folder); }

  double step() {
    const at::Tensor token_BQ = token_NBQ_[num_steps_ % token_NBQ_.size(0)];
    const int64_t Q = token_BQ.size(1) - 1;
    recipes::Batch batch;
    batch.input_BQ = token_BQ.narrow(1, 0, Q).contiguous();
    batch.target_BQ = token_BQ.narrow(1, 1, Q).contiguous();
    batch.document_idx_BQ = at::zeros(batch.input_BQ.sizes(), at::kInt);
    batch.valid_BQ = at::ones(batch.input_BQ.sizes(), at::kBool);
    batch.num_target_tokens = batch.target_BQ.numel();
    recipes::StepSettings settings;
    settings.step = num_steps_++;
    settings.lr = 3e-4;
    settings.max_grad_norm = 1.0;
    return engine_.step({batch}, settings).loss;
  }

 private:
  at::Tensor token_NBQ_;
  hecaton::parallel::Mesh mesh_;
  recipes::TrainingEngine engine_;
  int64_t num_steps_ = 0;
};

double milliseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

int64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) {
      return std::stoll(line.substr(6)) * 1024;
    }
  }
  return 0;
}

std::string profile(ModelArm& arm, int64_t num_steps) {
  const auto begin = std::chrono::steady_clock::now();
  nlohmann::ordered_json json;
  {
    const hecaton::bench::StepProfile watching;
    for (int64_t step = 0; step < num_steps; ++step) {
      arm.step();
    }
  }
  const auto count = static_cast<double>(num_steps);
  json["step_ms"] = milliseconds_since(begin) / count;
  for (const auto& [name, entry] : hecaton::bench::StepProfile::entries()) {
    json["self_ms"][name] = entry.self_ms / count;
  }
  return json.dump();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string dtype = argc == 4 ? argv[3] : "";
  if (dtype != "fp32" && dtype != "bf16") {
    std::cerr << "usage: model_arm TOKENS THREADS fp32|bf16\n";
    return 2;
  }
  recipes::ThreadChoice threads;
  threads.num_threads = std::stoi(argv[2]);
  recipes::apply_threads(threads);
  const int64_t peak_before_model = peak_bytes();
  ModelArm arm(argv[1], dtype == "fp32" ? at::kFloat : at::kBFloat16);
  for (std::string command; std::cin >> command && command != "quit";) {
    if (command == "step") {
      const auto begin = std::chrono::steady_clock::now();
      const double loss = arm.step();
      std::cout << milliseconds_since(begin) << ' ' << loss << std::endl;
    } else if (command == "save") {
      std::string folder;
      std::cin >> folder;
      arm.save(folder);
      std::cout << folder << std::endl;
    } else if (command == "reset-peak") {
      std::ofstream("/proc/self/clear_refs") << 5;
      std::cout << peak_bytes() << std::endl;
    } else if (command == "peak") {
      std::cout << peak_bytes() << std::endl;
    } else if (command == "peak-before-model") {
      std::cout << peak_before_model << std::endl;
    } else if (command == "profile") {
      int64_t num_steps = 1;
      std::cin >> num_steps;
      std::cout << profile(arm, num_steps) << std::endl;
    } else {
      std::cerr << "model_arm: unknown command '" << command << "'\n";
      return 2;
    }
  }
  return 0;
}
