// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_files.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "parallel/all_to_all_dispatcher.h"
#include "parallel/single.h"
#include "parallel/threads.h"
#include "recipes/model/model_config_json.h"
#include "recipes/model/model_weights.h"
#include "tests/models/decoder_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::recipes {
namespace {

using models::Decoder;
using models::small_config;
using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::read_bytes;
using testing::TemporaryFolder;
using testing::write_bytes;

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

constexpr uint64_t kSeed = 5;
constexpr char kUpName[] = "model.layers.1.mlp.experts.2.up_proj.weight";

/// A decoder over the experts of a mesh, with the initial values of kSeed.
Decoder decoder_on(const parallel::Mesh& mesh, at::ScalarType dtype) {
  Decoder decoder(small_config(dtype),
                  std::make_shared<parallel::AllToAllDispatcher>(mesh.shared_ep()));
  decoder->initialize(kSeed);
  return decoder;
}

void save_alone(Decoder& decoder, const std::string& folder) {
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  save_model(*decoder, mesh, folder);
}

void save_initial(const std::string& folder, at::ScalarType dtype = at::kFloat) {
  Decoder decoder(small_config(dtype));
  decoder->initialize(kSeed);
  save_alone(decoder, folder);
}

NamedTensors read_tensors(const std::string& folder) {
  const checkpoint::SafetensorsFile file(folder + "/model.safetensors");
  NamedTensors tensors;
  for (const auto& [name, info] : file.tensors()) {
    tensors.emplace_back(name, file.load(name));
  }
  return tensors;
}

void expect_same_parameters(Decoder& actual, Decoder& expected) {
  const std::vector<Parameter> parameters = actual->describe_parameters();
  const std::vector<Parameter> expected_parameters = expected->describe_parameters();
  ASSERT_EQ(parameters.size(), expected_parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    SCOPED_TRACE(parameters[i].name);
    expect_bitwise_equal(parameters[i].tensor, expected_parameters[i].tensor);
  }
}

TEST(ModelFilesTest, LoadingGivesTheSavedBits) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    const TemporaryFolder folder;
    Decoder saved = models::random_decoder(small_config(dtype));
    save_alone(saved, folder.path());
    const models::DecoderConfig config = load_model_config(folder.path());
    EXPECT_EQ(to_json(config), to_json(small_config(dtype)));
    Decoder loaded(config);
    load_model(*loaded, folder.path());
    expect_same_parameters(loaded, saved);
  }
}

TEST(ModelFilesTest, EveryExpertHasATensorOfItsOwn) {
  const TemporaryFolder folder;
  save_initial(folder.path(), at::kBFloat16);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : read_tensors(folder.path())) {
    tensors[name] = tensor;
  }
  for (int64_t expert = 0; expert < 4; ++expert) {
    const std::string prefix = "model.layers.1.mlp.experts." + std::to_string(expert);
    EXPECT_EQ(tensors.at(prefix + ".gate_proj.weight").sizes(), at::IntArrayRef({3, 6}));
    EXPECT_EQ(tensors.at(prefix + ".up_proj.weight").sizes(), at::IntArrayRef({3, 6}));
    EXPECT_EQ(tensors.at(prefix + ".down_proj.weight").sizes(), at::IntArrayRef({6, 3}));
  }
  EXPECT_EQ(tensors.at(kUpName).scalar_type(), at::kBFloat16);
  EXPECT_EQ(tensors.at("model.layers.1.mlp.gate.weight").scalar_type(), at::kFloat);
}

TEST(ModelFilesTest, EveryLayoutWritesTheSameBytes) {
  const TemporaryFolder alone;
  save_initial(alone.path());
  for (const auto& layout : {std::pair{2, 1}, {2, 2}, {4, 2}, {4, 4}}) {
    const int num_ranks = layout.first;
    const int ep = layout.second;
    SCOPED_TRACE(std::to_string(num_ranks) + " ranks, ep " + std::to_string(ep));
    const TemporaryFolder together;
    parallel::run_ranks(num_ranks, [&](const std::shared_ptr<parallel::Communicator>& world) {
      parallel::Mesh mesh(world, ep);
      Decoder decoder = decoder_on(mesh, at::kFloat);
      save_model(*decoder, mesh, together.path());
    });
    for (const char* name : {"/config.json", "/model.safetensors"}) {
      EXPECT_TRUE(read_bytes(together.path() + name) == read_bytes(alone.path() + name)) << name;
    }
  }
}

TEST(ModelFilesTest, EachRankLoadsItsOwnExperts) {
  const TemporaryFolder folder;
  save_initial(folder.path());
  parallel::run_ranks(2, [&](const std::shared_ptr<parallel::Communicator>& world) {
    parallel::Mesh mesh(world, /*ep=*/2);
    Decoder expected = decoder_on(mesh, at::kFloat);
    Decoder loaded = decoder_on(mesh, at::kFloat);
    loaded->initialize(kSeed + 1);
    load_model(*loaded, folder.path());
    expect_same_parameters(loaded, expected);
  });
}

TEST(ModelFilesTest, NamesMissingTensors) {
  const TemporaryFolder folder;
  save_initial(folder.path());
  const NamedTensors all = read_tensors(folder.path());
  NamedTensors tensors;
  for (const auto& [name, tensor] : all) {
    if (name != kUpName) {
      tensors.emplace_back(name, tensor);
    }
  }
  const std::string path = folder / "model.safetensors";
  checkpoint::write_safetensors(path, tensors);
  Decoder decoder(small_config(at::kFloat));
  const auto load = [&] { load_model(*decoder, folder.path()); };
  expect_error<CheckpointError>(load, path + ": missing tensors: " + kUpName);
  checkpoint::write_safetensors(path, {all.front()});
  expect_error<CheckpointError>(load, " and " + std::to_string(all.size() - 6) + " more");
}

TEST(ModelFilesTest, NamesUnexpectedTensors) {
  const TemporaryFolder folder;
  save_initial(folder.path());
  const NamedTensors all = read_tensors(folder.path());
  const std::string path = folder / "model.safetensors";
  Decoder decoder(small_config(at::kFloat));
  // A layer and an expert that the config does not have.
  for (const char* name :
       {"model.layers.2.input_layernorm.weight", "model.layers.1.mlp.experts.4.up_proj.weight"}) {
    NamedTensors tensors = all;
    tensors.emplace_back(name, at::ones({6}));
    checkpoint::write_safetensors(path, tensors);
    expect_error<CheckpointError>([&] { load_model(*decoder, folder.path()); },
                                  path + ": unexpected tensors: " + name);
  }
}

TEST(ModelFilesTest, NamesATensorThatDoesNotFit) {
  const TemporaryFolder folder;
  save_initial(folder.path());
  Decoder decoder64(small_config(at::kDouble));
  expect_error<CheckpointError>([&] { load_model(*decoder64, folder.path()); },
                                "model.embed_tokens.weight");
  models::DecoderConfig config = small_config(at::kFloat);
  config.moe.moe_intermediate_size = 4;
  Decoder wider(config);
  expect_error<CheckpointError>([&] { load_model(*wider, folder.path()); },
                                "model.layers.1.mlp.experts.0.gate_proj.weight");
}

TEST(ModelFilesTest, EveryRankRefusesAnExpertOfOneRankInAnotherDtype) {
  const TemporaryFolder folder;
  save_initial(folder.path());
  NamedTensors tensors = read_tensors(folder.path());
  const std::string name = "model.layers.1.mlp.experts.3.up_proj.weight";  // rank 1 alone holds it
  for (auto& [tensor_name, tensor] : tensors) {
    if (tensor_name == name) {
      tensor = tensor.to(at::kDouble);
    }
  }
  checkpoint::write_safetensors(folder / "model.safetensors", tensors);
  parallel::run_ranks(2, [&](const std::shared_ptr<parallel::Communicator>& world) {
    parallel::Mesh mesh(world, /*ep=*/2);
    Decoder decoder = decoder_on(mesh, at::kFloat);
    expect_error<CheckpointError>(
        [&] { load_model(*decoder, folder.path()); },
        "tensor '" + name + "': expected dtype Float, as its config says, found F64");
  });
}

TEST(ModelFilesTest, RefusesATruncatedFile) {
  const TemporaryFolder folder;
  save_initial(folder.path());
  const std::string path = folder / "model.safetensors";
  const std::string bytes = read_bytes(path);
  Decoder decoder(small_config(at::kFloat));
  for (const size_t size : {size_t{0}, size_t{7}, size_t{100}, bytes.size() - 1}) {
    write_bytes(path, bytes.substr(0, size));
    expect_error<CheckpointError>([&] { load_model(*decoder, folder.path()); }, path);
  }
}

TEST(ModelFilesTest, ComparesShapesBeforeADecoderIsMade) {
  const TemporaryFolder folder;
  save_initial(folder.path());
  models::DecoderConfig config = small_config(at::kFloat);
  EXPECT_NO_THROW(check_weights(ModelWeights(folder.path()), config));
  config.vocab_size = 1000000000000;  // no machine makes that
  expect_error<CheckpointError>([&] { check_weights(ModelWeights(folder.path()), config); },
                                "model.embed_tokens.weight': expected shape [1000000000000, ");
}

TEST(ModelFilesTest, ConvertsTheDtypeWhenAskedTo) {
  const TemporaryFolder folder;
  Decoder saved = models::random_decoder(small_config(at::kFloat));
  save_alone(saved, folder.path());
  Decoder rounded(small_config(at::kBFloat16));
  load_model(*rounded, folder.path(), /*converts_dtype=*/true);
  const auto expected = saved->named_parameters();
  for (const auto& entry : rounded->named_parameters()) {
    const at::Tensor& original = expected[entry.key()];
    EXPECT_TRUE(at::equal(entry.value(), original.to(entry.value().scalar_type()))) << entry.key();
  }
}

TEST(ModelFilesTest, NamesAFileThatIsNotThere) {
  const TemporaryFolder folder;
  expect_error<CheckpointError>([&] { load_model_config(folder / "none"); },
                                "model file not found: " + (folder / "none/config.json"));
  write_bytes(folder / "large/config.json", std::string((1 << 20) + 1, ' '));
  expect_error<CheckpointError>([&] { load_model_config(folder / "large"); },
                                "config.json: expected at most 1048576 bytes, found 1048577");
  std::filesystem::create_directories(folder / "odd/config.json");
  expect_error<CheckpointError>([&] { load_model_config(folder / "odd"); },
                                "config.json: cannot be read: Is a directory");
  Decoder decoder(small_config(at::kFloat));
  expect_error<CheckpointError>([&] { load_model(*decoder, folder / "none"); },
                                "model file not found: " + (folder / "none/model.safetensors"));
}

TEST(ModelFilesTest, ReportsAFolderThatCannotBeWritten) {
  const TemporaryFolder folder;
  expect_error<IoError>([&] { save_initial(folder / "none"); }, folder / "none/model.safetensors");
  // The fault of rank 0 ends the other ranks too, which send to it.
  parallel::run_ranks(4, [&](const std::shared_ptr<parallel::Communicator>& world) {
    parallel::Mesh mesh(world, /*ep=*/2);
    Decoder decoder = decoder_on(mesh, at::kFloat);
    const auto save = [&] { save_model(*decoder, mesh, folder / "none"); };
    if (world->rank() == 0) {
      expect_error<IoError>(save, folder / "none/model.safetensors");
    } else {
      expect_error<PeerFailure>(save, "rank 0 failed to save the model");
    }
  });
}

}  // namespace
}  // namespace hecaton::recipes
