// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/tensor_piece.h"
#include "core/flat_parameters.h"
#include "models/decoder.h"
#include "optim/make_optimizer.h"
#include "parallel/count_reducer.h"
#include "parallel/mesh.h"
#include "recipes/data/dataset.h"
#include "recipes/train/step_result.h"

namespace hecaton::recipes {

/// What one optimizer step was told besides its data.
struct StepSettings {
  int64_t step = 0;                     ///< from 0
  double lr = 0.0;                      ///< learning rate
  std::optional<double> max_grad_norm;  ///< clipping threshold; unset: none
  bool skip_nonfinite = false;  ///< leave out an update that is not finite instead of failing
};

/// Tokens of one optimizer step over all ranks.
struct BatchTotals {
  int64_t num_target_tokens = 0;
  int64_t num_tokens = 0;  ///< valid input tokens
};

/// What one rank gathers over the micro-batches of a step.
struct StepSums {
  double loss = 0.0;
  std::map<std::string, double> routing_losses;  ///< by type, over all layers
  int64_t num_dropped = 0;
  std::vector<at::Tensor> num_tokens_E;  ///< per MoE layer: [E] int64, used slots
};

/// A decoder, its optimizer and one optimizer step over any mesh; knows no recipe and no files.
///
/// Numerics: each rank sums the losses of its tokens; the number of trained tokens in the global
/// batch is known before backward and divides once; gradients are summed over the holders of a
/// parameter.
class TrainingEngine {
 public:
  /// Initial weights depend on (seed, name, element) alone. mesh: must outlive this object.
  /// zero: 0 if every rank holds all of the optimizer's state of its parameters; 1 if the holders
  /// of a parameter share it out. Errors: ConfigError if a config does not validate, ep does not
  /// divide the experts or a group
  ///         of the optimizer does not fit the parameters; the same on every rank.
  TrainingEngine(const models::DecoderConfig& model,
                 const optim::OptimizerConfig& optimizer,
                 uint64_t seed,
                 parallel::Mesh& mesh,
                 int64_t zero = 1);

  /// micro_batches: of this rank, the same number on every rank.
  /// Errors: NumericError, unless settings.skip_nonfinite, when loss or gradient norm is not
  ///         finite: the same text on every rank, naming the first bad gradient and its rank;
  ///         nothing is updated then.
  /// Parallel: collectives over dp, ep and edp, on every rank.
  StepResult step(const std::vector<Batch>& micro_batches, const StepSettings& settings);

  /// Everything that the next step depends on and a saved model does not hold: moments, and
  /// masters that are no parameters. Views: loading into them restores this rank's part.
  /// Names: "optim.<kind>.<parameter>" and "master.<parameter>".
  std::vector<checkpoint::TensorPiece> state_pieces();

  /// Throws NumericError on every rank unless replicas hold the same finite numbers; the same text
  /// everywhere. What a run asks before it saves. Every rank must call it.
  void check_parameters(int64_t step);

  /// batches: of this rank, the same number on every rank. Changes nothing.
  EvalResult evaluate(const std::vector<Batch>& batches);

  models::Decoder& decoder() { return decoder_; }
  FlatParameters& parameters() { return parameters_; }
  optim::Optimizer& optimizer() { return *optimizer_; }
  parallel::Mesh& mesh() { return mesh_; }

 private:
  /// Forward and backward of one micro-batch; returns its summed loss.
  double accumulate(const Batch& batch, const StepSettings& settings, const BatchTotals& totals);
  StepResult reduce_results(const StepSums& sums, const BatchTotals& totals);
  /// What is not finite, in the same words on every rank. Every rank must call it.
  std::string nonfinite_text(const StepResult& result, int64_t step);

  parallel::Mesh& mesh_;
  models::Decoder decoder_;
  FlatParameters parameters_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  parallel::AxisCountReducer counts_;
};

/// The same as TrainingEngine::evaluate() for a decoder without gradients and optimizer.
/// dp:       the ranks that split the batches.
/// Parallel: every rank of dp must call it, with as many batches.
EvalResult evaluate_decoder(models::DecoderImpl& decoder,
                            const std::vector<Batch>& batches,
                            const std::shared_ptr<parallel::Communicator>& dp);

}  // namespace hecaton::recipes
