// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors
//
// A model of your own in a training loop of your own, on one process or on many: communicator,
// mesh, dispatcher, gradient sums, optimizer and checkpoints, each by itself. Every rank works on a
// part of each batch and holds a part of the experts; the printed losses do not depend on the
// number of ranks. Trains up to step STEPS, from the newest checkpoint in FOLDER if there is one,
// whatever number of ranks wrote it.
//
//     custom_training FOLDER STEPS
//     mpirun -np 2 --bind-to none custom_training FOLDER STEPS

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <hecaton/checkpoint/pending_save.h>
#include <hecaton/checkpoint/store.h>
#include <hecaton/core/flat_parameters.h>
#include <hecaton/core/parameter.h>
#include <hecaton/moe/moe_layer.h>
#include <hecaton/optim/adamw.h>
#include <hecaton/optim/grad_norm.h>
#include <hecaton/parallel/all_to_all_dispatcher.h>
#include <hecaton/parallel/count_reducer.h>
#include <hecaton/parallel/data_parallel.h>
#include <hecaton/parallel/mesh.h>
#include <hecaton/parallel/mpi.h>
#include <hecaton/parallel/single.h>
#include <torch/nn/module.h>

namespace {

namespace checkpoint = hecaton::checkpoint;
namespace moe = hecaton::moe;
namespace optim = hecaton::optim;
namespace parallel = hecaton::parallel;

constexpr int64_t kNumFeatures = 16;
constexpr int64_t kWidth = 32;
constexpr int64_t kBatch = 256;  // samples over all ranks

/// A regression on 16 features: two MoE layers between two linear maps.
struct Model : torch::nn::Module {
  explicit Model(const std::shared_ptr<moe::Dispatcher>& dispatcher) {
    const moe::MoeLayerConfig config{.hidden_size = kWidth,
                                     .moe_intermediate_size = 64,
                                     .router = {.num_experts = 8, .num_experts_per_tok = 2},
                                     .losses = {{.type = "switch", .coef = 0.01}},
                                     .dtype = at::kDouble};
    in_DM = register_parameter("in", at::zeros({kWidth, kNumFeatures}, at::kDouble));
    for (const char* name : {"first", "second"}) {
      layers.emplace_back(register_module(name, moe::MoeLayer(config, dispatcher)));
    }
    out_1D = register_parameter("out", at::zeros({1, kWidth}, at::kDouble));
    hecaton::initialize_parameters(describe_parameters(), /*seed=*/1);
  }

  at::Tensor forward(const at::Tensor& x_TM, const moe::RoutingContext& context) {
    at::Tensor hidden_TD = at::linear(x_TM, in_DM).tanh();
    for (moe::MoeLayer& layer : layers) {
      hidden_TD = hidden_TD + layer->forward(hidden_TD, context);
    }
    return at::linear(hidden_TD, out_1D);
  }

  /// What it trains. Initial values and gradient sums go by these names and by who holds copies.
  std::vector<hecaton::Parameter> describe_parameters() {
    const auto decay = hecaton::DecayClass::kDecay;
    const hecaton::InitialValue normal{.std_dev = 0.25};
    std::vector<hecaton::Parameter> described = {
        hecaton::whole_parameter("in.weight", in_DM, decay, normal),
        hecaton::whole_parameter("out.weight", out_1D, decay, normal)};
    for (size_t i = 0; i < layers.size(); ++i) {
      for (const hecaton::Parameter& parameter :
           layers[i]->describe_parameters("layers." + std::to_string(i))) {
        described.push_back(parameter);
      }
    }
    return described;
  }

  at::Tensor in_DM;
  std::vector<moe::MoeLayer> layers;
  at::Tensor out_1D;
};

/// Samples and their targets.
struct Batch {
  at::Tensor x_TM;
  at::Tensor y_T1;
};

/// The part of a step's batch that belongs to a rank. The data has four regions with a linear map
/// each, which a router can find.
Batch batch_of(int64_t step, const parallel::Communicator& dp) {
  const at::TensorOptions options(at::kDouble);
  at::manual_seed(0);
  const at::Tensor map_FM = at::randn({4, kNumFeatures}, options);
  at::manual_seed(static_cast<uint64_t>(step) + 1);
  const int64_t T = kBatch / dp.size();
  const at::Tensor x_TM =
      at::randn({kBatch, kNumFeatures}, options).narrow(/*dim=*/0, dp.rank() * T, T);
  const at::Tensor region_T = x_TM.narrow(/*dim=*/1, 0, 4).argmax(1);
  return {x_TM, (x_TM * map_FM.index_select(0, region_T)).sum(1, /*keepdim=*/true)};
}

/// What a training step works on.
struct Training {
  explicit Training(parallel::Mesh& job_mesh)
      : mesh(job_mesh),
        model(std::make_shared<parallel::AllToAllDispatcher>(mesh.shared_ep())),
        parameters(model.describe_parameters()),
        optimizer(parameters, {.weight_decay = 0.01}),
        counts(mesh.shared_dp()) {}

  parallel::Mesh& mesh;
  Model model;
  hecaton::FlatParameters parameters;  ///< all of the model in a few flat buffers
  optim::AdamW optimizer;
  parallel::AxisCountReducer counts;  ///< for the balancing loss, which looks at all ranks
};

// [step]
/// One step on this rank's part of the batch. Returns the loss of all of it.
double train_step(Training& training, int64_t step) {
  const Batch batch = batch_of(step, training.mesh.dp());
  moe::RoutingContext context;
  context.step = step;
  context.counts = &training.counts;
  context.num_loss_tokens = kBatch;

  training.parameters.zero_grads();
  const at::Tensor y_T1 = training.model.forward(batch.x_TM, context);
  // A sum, divided once by a number of the whole batch: gradients are then summed, never averaged.
  const at::Tensor loss = (y_T1 - batch.y_T1).square().sum() / static_cast<double>(kBatch);
  loss.backward();
  training.parameters.collect_grads();
  parallel::reduce_gradients(training.parameters, training.mesh);

  const double norm = optim::global_grad_norm(training.parameters, training.mesh);
  optim::clip_gradients(training.parameters, norm, /*max_norm=*/10.0);
  training.optimizer.step(/*lr=*/0.01);

  const at::Tensor total = loss.detach().clone();
  training.mesh.dp().all_reduce(total);
  return total.item<double>();
}
// [step]

// [checkpoint]
/// All that training goes on from, by global names: the weights and the optimizer's state.
std::vector<checkpoint::TensorPiece> state_of(Training& training) {
  std::vector<checkpoint::TensorPiece> pieces;
  const auto add = [&pieces](const std::string& kind,
                             const hecaton::FlatGroup& group,
                             const hecaton::FlatBuffer& buffer) {
    hecaton::for_each_slice(
        group,
        buffer,
        [&](const hecaton::NamedSlice& slice, int64_t begin, const at::Tensor& values) {
          pieces.push_back({kind + "." + slice.name, slice.shape, begin, values});
        });
  };
  for (const hecaton::FlatGroup& group : training.parameters.groups()) {
    add("weight", group, group.master);
  }
  for (const optim::OptimizerState& state : training.optimizer.states()) {
    add(state.kind, *state.group, state.buffer);
  }
  return pieces;
}

void save(Training& training, const std::string& folder, int64_t step) {
  const parallel::Mesh& mesh = training.mesh;
  checkpoint::PendingSave pending(folder, step, mesh.describe(), mesh.shared_world());
  pending.write(state_of(training));
  pending.commit();
}

/// Returns the number of steps that were trained.
int64_t resume(Training& training, const std::string& folder) {
  const auto newest = checkpoint::Store(folder, training.mesh.shared_world()).open_newest();
  if (!newest) {
    return 0;
  }
  newest->load(state_of(training));
  training.parameters.copy_masters_to_values();
  training.optimizer.set_num_steps(newest->manifest().step);
  return newest->manifest().step;
}
// [checkpoint]

std::shared_ptr<parallel::Communicator> make_world() {
#ifdef HECATON_WITH_MPI
  if (parallel::is_mpi_launch()) {
    return parallel::make_mpi_world();
  }
#endif
  return parallel::make_single();
}

void run(const std::shared_ptr<parallel::Communicator>& world,
         const std::string& folder,
         int64_t num_steps) {
  parallel::Mesh mesh(world, /*ep=*/world->size());  // all ranks share the experts
  Training training(mesh);
  for (int64_t step = resume(training, folder); step < num_steps; ++step) {
    const double loss = train_step(training, step);
    if (world->rank() == 0 && step % 5 == 4) {
      std::printf("step %2d loss %.12f\n", static_cast<int>(step + 1), loss);
    }
  }
  save(training, folder, num_steps);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: custom_training FOLDER STEPS\n");
    return 2;
  }
  const std::shared_ptr<parallel::Communicator> world = make_world();
  try {
    run(world, argv[1], std::atoi(argv[2]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error (rank %d): %s\n", world->rank(), error.what());
#ifdef HECATON_WITH_MPI
    if (world->size() > 1) {
      parallel::abort_mpi(1);  // the others wait for this rank
    }
#endif
    return 1;
  }
#ifdef HECATON_WITH_MPI
  parallel::finalize_mpi();
#endif
  return 0;
}
