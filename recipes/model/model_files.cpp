// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_files.h"

#include <exception>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "checkpoint/file_io.h"
#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "core/parameter.h"
#include "models/decoder.h"
#include "recipes/model/model_config_json.h"
#include "recipes/model/model_text.h"
#include "recipes/model/model_weights.h"
#include "recipes/train/agreement.h"

namespace hecaton::recipes {
namespace {

using parallel::Communicator;

std::string config_path(const std::string& folder) {
  return folder + "/config.json";
}

std::string slice_names(const std::vector<Parameter>& parameters) {
  std::string names;
  for (const Parameter& parameter : parameters) {
    for (const NamedSlice& slice : parameter.slices) {
      names += slice.name + "\n";
    }
  }
  return names;
}

/// Rank 0's list of parameters with the slice names that rank `source` has for them.
std::vector<Parameter> with_names(std::vector<Parameter> parameters, const std::string& names) {
  std::istringstream lines(names);
  for (Parameter& parameter : parameters) {
    for (NamedSlice& slice : parameter.slices) {
      std::getline(lines, slice.name);
    }
  }
  return parameters;
}

/// The weights that rank 0 writes. Once something has failed, what comes is taken and dropped: the
/// other ranks are sending.
class WeightsFile {
 public:
  void open(const std::string& path, const std::vector<checkpoint::TensorSpec>& specs) {
    attempt([&] { writer_.emplace(path, specs); });
  }
  void write(const Parameter& parameter, const at::Tensor& value) {
    attempt([&] {
      for (const NamedSlice& slice : parameter.slices) {
        writer_->write(slice.name, slice_view(value, slice));
      }
    });
  }
  void commit() {
    attempt([&] { writer_->commit(); });
  }
  const std::exception_ptr& error() const { return error_; }

 private:
  template <typename Work>
  void attempt(const Work& work) {
    if (error_ != nullptr) {
      return;
    }
    try {
      work();
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  std::optional<checkpoint::SafetensorsWriter> writer_;
  std::exception_ptr error_;
};

/// What rank 0 does: takes the experts of the other owners, parameter by parameter. Returns what
/// failed. names: slice_names() of the owners.
std::exception_ptr write_model(const std::vector<Parameter>& own,
                               const std::vector<std::string>& names,
                               parallel::Mesh& mesh,
                               const std::string& path) {
  Communicator& world = mesh.world();
  const auto num_owners = static_cast<size_t>(mesh.ep().size());
  std::vector<std::vector<Parameter>> by_owner;
  by_owner.reserve(num_owners);
  for (size_t owner = 0; owner < num_owners; ++owner) {
    by_owner.push_back(with_names(own, names[owner]));
  }
  std::vector<checkpoint::TensorSpec> specs;
  for (size_t owner = 0; owner < by_owner.size(); ++owner) {
    for (const Parameter& parameter : by_owner[owner]) {
      if (owner == 0 || parameter.replicas == ReplicaAxis::kExpert) {
        for (const NamedSlice& slice : parameter.slices) {
          specs.push_back({slice.name, parameter.tensor.scalar_type(), slice.shape});
        }
      }
    }
  }
  WeightsFile file;
  file.open(path, specs);
  for (size_t i = 0; i < own.size(); ++i) {
    file.write(own[i], own[i].tensor);
    if (own[i].replicas == ReplicaAxis::kExpert) {
      at::Tensor received = at::empty(own[i].tensor.sizes(), own[i].tensor.options());
      for (int source = 1; source < mesh.ep().size(); ++source) {
        world.recv(received, source);
        file.write(by_owner[static_cast<size_t>(source)][i], received);
      }
    }
  }
  file.commit();
  return file.error();
}

void send_experts(const std::vector<Parameter>& own, Communicator& world) {
  for (const Parameter& parameter : own) {
    if (parameter.replicas == ReplicaAxis::kExpert) {
      world.send(parameter.tensor.detach(), /*destination=*/0);
    }
  }
}

}  // namespace

void save_model(models::DecoderImpl& decoder, parallel::Mesh& mesh, const std::string& folder) {
  const at::NoGradGuard no_grad;
  const std::vector<Parameter> parameters = decoder.describe_parameters();
  Communicator& world = mesh.world();
  // The owners of rank 0's replica are its ep group, which is the first ranks of the world.
  const std::vector<std::string> names = mesh.ep().all_gather_texts(slice_names(parameters));
  std::exception_ptr error;
  if (world.rank() == 0) {
    error = write_model(parameters, names, mesh, folder + "/" + kWeightsName);
  } else if (world.rank() < mesh.ep().size()) {
    send_experts(parameters, world);
  }
  if (world.all_agree(error == nullptr)) {
    on_main_rank(world,
                 [&] { checkpoint::write_file(config_path(folder), to_json(decoder.config())); });
    return;
  }
  if (error != nullptr) {
    std::rethrow_exception(error);
  }
  throw PeerFailure("rank 0 failed to save the model");
}

models::DecoderConfig load_model_config(const std::string& folder) {
  const std::string path = config_path(folder);
  return decoder_config_from_json(read_model_text(path), path);
}

void load_model(models::DecoderImpl& decoder, const std::string& folder, bool converts_dtype) {
  const at::NoGradGuard no_grad;
  const ModelWeights weights(folder);
  check_weights(weights, decoder.config(), converts_dtype);
  for (const Parameter& parameter : decoder.describe_parameters()) {
    for (const NamedSlice& slice : parameter.slices) {
      at::Tensor destination = slice_view(parameter.tensor, slice);
      if (converts_dtype) {
        destination.copy_(weights.load(slice.name));
      } else {
        weights.load_into(slice.name, destination);
      }
    }
  }
}

}  // namespace hecaton::recipes
