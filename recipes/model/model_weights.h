// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "checkpoint/safetensors.h"
#include "models/decoder_config.h"

namespace hecaton::recipes {

/// The files of a model folder that hold its weights.
constexpr char kWeightsName[] = "model.safetensors";
constexpr char kWeightsIndexName[] = "model.safetensors.index.json";

/// Name of shard number `shard_idx`, counted from 0: "model-00001-of-00003.safetensors".
std::string shard_name(size_t shard_idx, size_t num_shards);

/// The weights of a model folder, open for reading: either model.safetensors, or the shards that
/// model.safetensors.index.json names. Nothing in these files is believed before it is checked.
///
/// The index is {"metadata": {...}, "weight_map": {tensor name: shard}}. A shard is a file of the
/// same folder; each tensor stands in exactly the shard that the index says, and in no other. The
/// metadata, total_size included, is passed over.
class ModelWeights {
 public:
  /// Errors: CheckpointError of one line naming file and tensor, if there are no weights or both
  ///         kinds, or a file breaks a rule of its format.
  explicit ModelWeights(const std::string& folder);

  /// model.safetensors or the index, for messages.
  const std::string& path() const { return path_; }
  const std::map<std::string, checkpoint::TensorInfo>& tensors() const { return tensors_; }
  std::set<std::string> names() const;

  /// Those of SafetensorsFile, for a tensor of any shard.
  at::Tensor load(const std::string& name) const;
  void load_into(const std::string& name, const at::Tensor& destination) const;

 private:
  void open_shards(const std::string& folder);
  /// Takes over the tensors of the last file.
  void add_tensors();
  const checkpoint::SafetensorsFile& file_with(const std::string& name) const;

  std::string path_;
  std::vector<checkpoint::SafetensorsFile> files_;
  std::map<std::string, checkpoint::TensorInfo> tensors_;
  std::map<std::string, size_t> file_idx_of_;
};

/// Checks what the files hold against what `config` describes, before a decoder is made or a value
/// read.
/// converts_dtype: any dtype that can be loaded will do; otherwise the one of `config`.
/// Errors: CheckpointError naming missing or unexpected tensors, or the first one of another shape
///         or dtype.
void check_weights(const ModelWeights& weights,
                   const models::DecoderConfig& config,
                   bool converts_dtype = false);

/// Errors: CheckpointError "PATH: missing tensors: ..." or "PATH: unexpected tensors: ..." unless
///         both sets of names are equal.
void check_tensor_names(const std::string& path,
                        const std::set<std::string>& found,
                        const std::set<std::string>& expected);

}  // namespace hecaton::recipes
