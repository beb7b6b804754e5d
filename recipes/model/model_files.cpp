// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_files.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include "checkpoint/file_io.h"
#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "recipes/data/text_files.h"
#include "recipes/model/model_config_json.h"

namespace hecaton::recipes {
namespace {

using parallel::Communicator;

std::string config_path(const std::string& folder) {
  return folder + "/config.json";
}
std::string weights_path(const std::string& folder) {
  return folder + "/model.safetensors";
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

at::Tensor to_bytes(const std::string& text) {
  at::Tensor bytes =
      at::empty({static_cast<int64_t>(text.size())}, at::TensorOptions().dtype(at::kByte));
  std::copy(text.begin(), text.end(), bytes.data_ptr<uint8_t>());
  return bytes;
}

/// Sends a text of any length; the length goes first.
void send_text(Communicator& world, const std::string& text, int destination) {
  const auto size = static_cast<int64_t>(text.size());
  world.send(at::full({1}, size, at::TensorOptions().dtype(at::kLong)), destination);
  world.send(to_bytes(text), destination);
}

std::string receive_text(Communicator& world, int source) {
  at::Tensor size = at::empty({1}, at::TensorOptions().dtype(at::kLong));
  world.recv(size, source);
  at::Tensor bytes = at::empty({size.item<int64_t>()}, at::TensorOptions().dtype(at::kByte));
  world.recv(bytes, source);
  const uint8_t* data = bytes.const_data_ptr<uint8_t>();
  return {data, data + bytes.numel()};
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

void write_slices(checkpoint::SafetensorsWriter& writer,
                  const Parameter& parameter,
                  const at::Tensor& value) {
  for (const NamedSlice& slice : parameter.slices) {
    writer.write(slice.name, slice_view(value, slice));
  }
}

/// What rank 0 does: takes the experts of the other owners, parameter by parameter.
void write_model(const std::vector<Parameter>& own, parallel::Mesh& mesh, const std::string& path) {
  Communicator& world = mesh.world();
  std::vector<std::vector<Parameter>> by_owner = {own};
  for (int source = 1; source < mesh.ep().size(); ++source) {
    by_owner.push_back(with_names(own, receive_text(world, source)));
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
  checkpoint::SafetensorsWriter writer(path, specs);
  for (size_t i = 0; i < own.size(); ++i) {
    write_slices(writer, own[i], own[i].tensor);
    if (own[i].replicas == ReplicaAxis::kExpert) {
      at::Tensor received = at::empty(own[i].tensor.sizes(), own[i].tensor.options());
      for (int source = 1; source < mesh.ep().size(); ++source) {
        world.recv(received, source);
        write_slices(writer, by_owner[static_cast<size_t>(source)][i], received);
      }
    }
  }
  writer.commit();
}

void send_experts(const std::vector<Parameter>& own, Communicator& world) {
  send_text(world, slice_names(own), /*destination=*/0);
  for (const Parameter& parameter : own) {
    if (parameter.replicas == ReplicaAxis::kExpert) {
      world.send(parameter.tensor.detach(), /*destination=*/0);
    }
  }
}

/// Names of the tensors of every expert, given that of one: ".experts.3." becomes ".experts.0." and
/// so on.
void insert_every_expert(const std::string& name,
                         int64_t num_experts,
                         std::set<std::string>& names) {
  static const std::string kMark = ".experts.";
  const size_t begin = name.find(kMark) + kMark.size();
  const size_t end = name.find('.', begin);
  for (int64_t expert = 0; expert < num_experts; ++expert) {
    names.insert(name.substr(0, begin) + std::to_string(expert) + name.substr(end));
  }
}

/// The names of a whole model's tensors, those of the experts on other ranks included.
std::set<std::string> global_names(models::DecoderImpl& decoder) {
  std::set<std::string> names;
  for (const Parameter& parameter : decoder.describe_parameters()) {
    for (const NamedSlice& slice : parameter.slices) {
      if (parameter.replicas == ReplicaAxis::kDense) {
        names.insert(slice.name);
      } else if (names.count(slice.name) == 0) {  // else it came with an expert before
        insert_every_expert(slice.name, decoder.config().moe.router.num_experts, names);
      }
    }
  }
  return names;
}

/// The names of `a` that are not in `b`.
std::set<std::string> difference(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::set<std::string> names;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::inserter(names, names.end()));
  return names;
}

std::string join(const std::set<std::string>& names) {
  constexpr size_t kMostShown = 5;
  std::string text;
  size_t num_shown = 0;
  for (const std::string& name : names) {
    if (num_shown++ == kMostShown) {
      return text + " and " + std::to_string(names.size() - kMostShown) + " more";
    }
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

}  // namespace

void save_model(models::DecoderImpl& decoder, parallel::Mesh& mesh, const std::string& folder) {
  const at::NoGradGuard no_grad;
  const std::vector<Parameter> parameters = decoder.describe_parameters();
  Communicator& world = mesh.world();
  if (world.rank() == 0) {
    checkpoint::write_file(config_path(folder), to_json(decoder.config()));
    write_model(parameters, mesh, weights_path(folder));
  } else if (world.rank() < mesh.ep().size()) {
    send_experts(parameters, world);
  }
  world.barrier();
}

models::DecoderConfig load_model_config(const std::string& folder) {
  const std::string path = config_path(folder);
  try {
    return decoder_config_from_json(read_text_file(path), path);
  } catch (const DataError&) {
    throw CheckpointError("model file not found: " + path);
  }
}

void load_model(models::DecoderImpl& decoder, const std::string& folder) {
  const at::NoGradGuard no_grad;
  const checkpoint::SafetensorsFile file(weights_path(folder));
  std::set<std::string> found;
  for (const auto& [name, info] : file.tensors()) {
    found.insert(name);
  }
  const std::set<std::string> expected = global_names(decoder);
  if (const auto missing = difference(expected, found); !missing.empty()) {
    throw CheckpointError(file.path() + ": missing tensors: " + join(missing));
  }
  if (const auto unexpected = difference(found, expected); !unexpected.empty()) {
    throw CheckpointError(file.path() + ": unexpected tensors: " + join(unexpected));
  }
  for (const Parameter& parameter : decoder.describe_parameters()) {
    for (const NamedSlice& slice : parameter.slices) {
      file.load_into(slice.name, slice_view(parameter.tensor, slice));
    }
  }
}

}  // namespace hecaton::recipes
