// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/decoder_config.h"
#include "optim/make_optimizer.h"
#include "parallel/oracle.h"

namespace hecaton::recipes {

/// A short training run that comes out the same under every layout of up to 4 ranks.
struct LayoutJob {
  models::DecoderConfig model;
  optim::OptimizerConfig optimizer = {};
  int64_t accumulation = 1;  ///< micro-batches per step, at least 1; 4 short sequences each
  /// Start from router weights of 0, so that ties send every token to the first experts and the
  /// others get none.
  bool is_skewed = false;
  int64_t zero = 1;  ///< as TrainingEngine's
};

/// Three optimizer steps on a built-in text. Records, after each step: losses, gradient norm and
/// load statistics; every gradient, parameter and state of the optimizer by its global name; and
/// the experts that the tokens of the last micro-batch choose now, as integers.
/// job: its model has a vocabulary of at least 258. Errors of the job: NumericError if replicas
///      differ.
parallel::OracleJob make_layout_job(const LayoutJob& job);

/// The smallest decoder with everything that exchanges numbers between ranks: a dense and two MoE
/// layers, 4 experts, a shared expert and both balancing losses, in float64.
models::DecoderConfig tiny_decoder();

/// A job and what it tries, for people: "accumulation 3, dropless, skewed routing".
struct NamedLayoutJob {
  std::string name;
  LayoutJob job;
};

/// `model` with 1 and 3 micro-batches per step; if it has experts, also dropless and with a
/// capacity per sequence and per micro-batch, and with even and skewed routing, and with zero 0: 14
/// jobs.
std::vector<NamedLayoutJob> layout_jobs(const models::DecoderConfig& model,
                                        const optim::OptimizerConfig& optimizer);

}  // namespace hecaton::recipes
