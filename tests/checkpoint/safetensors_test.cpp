// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/safetensors.h"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "checkpoint/detail/content_hash.h"
#include "core/error.h"
#include "tests/checkpoint/file_size_limit.h"
#include "tests/checkpoint/safetensors_bytes.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::checkpoint {
namespace {

using hecaton::testing::expect_bitwise_equal;
using hecaton::testing::expect_error;
using hecaton::testing::FileSizeLimit;
using hecaton::testing::from_hex;
using hecaton::testing::random_tensor;
using hecaton::testing::read_bytes;
using hecaton::testing::safetensors_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

constexpr at::ScalarType kLoadedDtypes[] = {at::kBool,
                                            at::kByte,
                                            at::kChar,
                                            at::kShort,
                                            at::kInt,
                                            at::kLong,
                                            at::kHalf,
                                            at::kBFloat16,
                                            at::kFloat,
                                            at::kDouble};

at::Tensor sample_tensor(at::IntArrayRef shape, at::ScalarType dtype) {
  const at::Tensor values = random_tensor(shape, at::kDouble, c10::toString(dtype)).mul(50.0);
  return dtype == at::kBool ? values.gt(0) : values.to(dtype);
}

TEST(SafetensorsTest, LoadsAnyRangeOfElements) {
  const TemporaryFolder folder;
  const at::Tensor stored = random_tensor({5, 7}, at::kFloat, "stored");
  write_safetensors(folder / "m", {{"a", stored}, {"b", at::ones({3}, at::kLong)}});
  const SafetensorsFile file(folder / "m");
  for (const int64_t begin : {0, 1, 34, 35}) {
    const at::Tensor range = at::zeros({35 - begin});
    file.load_range_into("a", begin, range);
    expect_bitwise_equal(range, stored.view({-1}).slice(0, begin));
  }
  const at::Tensor two = at::zeros({2});
  const int64_t huge = std::numeric_limits<int64_t>::max();
  for (const int64_t begin : {int64_t{-1}, int64_t{34}, huge}) {
    expect_error<CheckpointError>([&] { file.load_range_into("a", begin, two); },
                                  "tensor 'a': expected F32 [2] from element " +
                                      std::to_string(begin) + ", found F32 [5, 7]");
  }
  expect_error<CheckpointError>([&] { file.load_range_into("b", 0, two); }, "found I64 [3]");
  expect_error<CheckpointError>([&] { file.load_range_into("c", 0, two); }, "tensor 'c'");
  expect_error<InternalError>(
      [&] {
        file.load_range_into("a", 0, at::zeros({2, 2}).t());
      },
      "consecutive memory");
}

TEST(SafetensorsTest, HashesAFileThatIsWrittenInItsOrder) {
  const TemporaryFolder folder;
  const std::vector<TensorSpec> specs = {
      {"a", at::kByte, {3}}, {"b", at::kLong, {2}}, {"c", at::kFloat, {}}};
  const std::map<std::string, at::Tensor> tensors = {{"a", at::ones({3}, at::kByte)},
                                                     {"b", at::ones({2}, at::kLong)},
                                                     {"c", at::ones({}, at::kFloat)}};
  SafetensorsWriter writer(folder / "m", specs);
  EXPECT_EQ(writer.names(), std::vector<std::string>({"b", "c", "a"}));
  for (const std::string& name : writer.names()) {
    writer.write(name, tensors.at(name));
  }
  writer.commit();
  EXPECT_EQ(writer.digest(), detail::digest_file(folder / "m"));
  SafetensorsWriter other(folder / "n", specs);
  other.write("a", tensors.at("a"));
  expect_error<InternalError>([&] { other.digest(); }, "written in order");
}

TEST(SafetensorsTest, ReadsTheEmptyGoldenFile) {
  const TemporaryFolder folder;
  write_bytes(folder / "m", from_hex("08000000000000007b7d202020202020"));
  const SafetensorsFile file(folder / "m");
  EXPECT_TRUE(file.tensors().empty());
  EXPECT_TRUE(file.metadata().empty());
}

TEST(SafetensorsTest, WritesAndReadsTheGoldenBytes) {
  const std::string golden = from_hex(
      "58000000000000007b225f5f6d657461646174615f5f223a7b22666f726d6174223a227074227d2c2277223a7b22"
      "6474797065223a2242463136222c227368617065223a5b322c325d2c22646174615f6f666673657473223a5b302c"
      "385d7d7d803f004040408040");
  const TemporaryFolder folder;
  const at::Tensor w = at::arange(1, 5, at::kBFloat16).view({2, 2});
  write_safetensors(folder / "m", {{"w", w}});
  EXPECT_EQ(read_bytes(folder / "m"), golden);

  const SafetensorsFile file(folder / "m");
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  ASSERT_EQ(file.tensors().count("w"), 1U);
  const TensorInfo& info = file.tensors().at("w");
  EXPECT_EQ(info.dtype, "BF16");
  EXPECT_EQ(info.shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(info.begin, 0);
  EXPECT_EQ(info.end, 8);
  expect_bitwise_equal(file.load("w"), w);
}

TEST(SafetensorsTest, RoundTripsEveryDtypeAndShape) {
  const TemporaryFolder folder;
  const std::vector<std::vector<int64_t>> shapes = {
      {}, {1}, {0}, {3, 0, 2}, {7}, {2, 3, 5}, std::vector<int64_t>(16, 1)};
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const at::ScalarType dtype : kLoadedDtypes) {
    for (size_t i = 0; i < shapes.size(); ++i) {
      tensors.emplace_back(c10::toString(dtype) + std::to_string(i),
                           sample_tensor(shapes[i], dtype));
    }
  }
  write_safetensors(folder / "m", tensors);
  const SafetensorsFile file(folder / "m");
  EXPECT_EQ(file.tensors().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    SCOPED_TRACE(name);
    const at::Tensor loaded = file.load(name);
    expect_bitwise_equal(loaded, tensor);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(loaded.const_data_ptr()) % 64, 0U);
    at::Tensor destination = at::zeros(tensor.sizes(), tensor.options());
    file.load_into(name, destination);
    expect_bitwise_equal(destination, tensor);
  }
}

TEST(SafetensorsTest, KeepsTheBitsOfSpecialValues) {
  const TemporaryFolder folder;
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  const at::Tensor special = at::tensor({nan, -nan, infinity, -infinity, -0.0, 5e-324});
  write_safetensors(folder / "m", {{"special", special}});
  expect_bitwise_equal(SafetensorsFile(folder / "m").load("special"), special);
}

TEST(SafetensorsTest, OrdersTensorsByDtypeThenName) {
  const TemporaryFolder folder;
  const auto one = [](at::ScalarType dtype) { return at::ones({1}, dtype); };
  write_safetensors(folder / "m",
                    {{"z", one(at::kBool)},
                     {"b", one(at::kFloat)},
                     {"a", one(at::kBFloat16)},
                     {"c", one(at::kLong)},
                     {"a2", one(at::kFloat)}});
  const SafetensorsFile file(folder / "m");
  EXPECT_EQ(file.tensors().at("c").begin, 0);
  EXPECT_EQ(file.tensors().at("a2").begin, 8);
  EXPECT_EQ(file.tensors().at("b").begin, 12);
  EXPECT_EQ(file.tensors().at("a").begin, 16);
  EXPECT_EQ(file.tensors().at("z").begin, 18);
}

TEST(SafetensorsTest, KeepsMetadataAndAlwaysNamesTheFormat) {
  const TemporaryFolder folder;
  write_safetensors(folder / "m", {}, {{"format", "other"}, {"made by", "a \"test\"\n\xC3\xA9"}});
  EXPECT_EQ(
      SafetensorsFile(folder / "m").metadata(),
      (std::map<std::string, std::string>{{"format", "pt"}, {"made by", "a \"test\"\n\xC3\xA9"}}));
  EXPECT_EQ(read_bytes(folder / "m").size() % 8, 0U);
}

TEST(SafetensorsTest, WritesTheSameBytesInAnyOrder) {
  const TemporaryFolder folder;
  const at::Tensor a = sample_tensor({3, 4}, at::kFloat);
  const at::Tensor b = sample_tensor({5}, at::kBFloat16);
  write_safetensors(folder / "whole", {{"a", a}, {"b", b}});
  SafetensorsWriter writer(folder / "streamed",
                           {{"b", at::kBFloat16, {5}}, {"a", at::kFloat, {3, 4}}});
  writer.write("b", b).write("a", a);
  EXPECT_FALSE(std::filesystem::exists(folder / "streamed"));
  writer.commit();
  EXPECT_EQ(read_bytes(folder / "streamed"), read_bytes(folder / "whole"));
}

TEST(SafetensorsTest, CopiesStridedTensorsAndParametersBothWays) {
  const TemporaryFolder folder;
  const at::Tensor matrix = sample_tensor({3, 4}, at::kFloat);
  write_safetensors(folder / "m", {{"w", matrix.t()}});
  const SafetensorsFile file(folder / "m");
  expect_bitwise_equal(file.load("w"), matrix.t());
  at::Tensor strided = at::zeros({3, 4}).t();
  file.load_into("w", strided);
  expect_bitwise_equal(strided, matrix.t());
  at::Tensor parameter = at::zeros({4, 3}).requires_grad_();
  file.load_into("w", parameter);
  expect_bitwise_equal(parameter, matrix.t());
}

TEST(SafetensorsTest, LoadsTensorsThatAreNotAligned) {
  const TemporaryFolder folder;
  // A header of odd length, as other writers may produce: the float starts at an odd address.
  write_bytes(folder / "m",
              safetensors_bytes(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} )",
                                std::string_view("\0\0\x80\x3f", 4)));
  expect_bitwise_equal(SafetensorsFile(folder / "m").load("w"), at::ones({1}));
}

TEST(SafetensorsTest, RefusesADestinationOfAnotherShapeOrDtype) {
  const TemporaryFolder folder;
  write_safetensors(folder / "m", {{"w", at::ones({2, 3})}});
  const SafetensorsFile file(folder / "m");
  const std::string start = (folder / "m") + ": tensor 'w': expected ";
  expect_error<CheckpointError>(
      [&] {
        file.load_into("w", at::empty({3, 2}));
      },
      start + "F32 [3, 2], found F32 [2, 3]");
  expect_error<CheckpointError>(
      [&] {
        file.load_into("w", at::empty({2, 3}, at::kBFloat16));
      },
      start + "BF16 [2, 3], found F32 [2, 3]");
}

TEST(SafetensorsTest, RefusesAnUnknownName) {
  const TemporaryFolder folder;
  write_safetensors(folder / "m", {{"w", at::ones({1})}});
  expect_error<CheckpointError>([&] { SafetensorsFile(folder / "m").load("v"); },
                                (folder / "m") + ": tensor 'v': expected it in the file");
}

TEST(SafetensorsTest, RefusesToLoadADtypeThatLibTorchLacks) {
  const TemporaryFolder folder;
  write_bytes(folder / "m",
              safetensors_bytes(R"({"w":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}})", "ab"));
  const SafetensorsFile file(folder / "m");  // legal
  EXPECT_FALSE(file.tensors().at("w").scalar_type.has_value());
  expect_error<CheckpointError>([&] { file.load("w"); },
                                "tensor 'w': expected a dtype that can be loaded, found F4");
}

TEST(SafetensorsTest, RefusesBoolsThatAreNeitherTrueNorFalse) {
  const TemporaryFolder folder;
  write_bytes(
      folder / "m",
      safetensors_bytes(R"({"w":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", "\x01\x02"));
  expect_error<CheckpointError>([&] { SafetensorsFile(folder / "m").load("w"); },
                                "tensor 'w': expected BOOL bytes of 0 or 1");
}

TEST(SafetensorsTest, NoticesAFileThatIsShortenedWhileItIsOpen) {
  const TemporaryFolder folder;
  write_safetensors(folder / "m", {{"w", at::ones({100'000})}});
  const SafetensorsFile file(folder / "m");
  std::filesystem::resize_file(folder / "m", 1000);
  expect_error<CheckpointError>([&] { file.load("w"); }, "found 1000");
}

TEST(SafetensorsTest, SaysThatAModelFileIsMissing) {
  expect_error<CheckpointError>([] { SafetensorsFile("/nowhere/model.safetensors"); },
                                "model file not found: /nowhere/model.safetensors");
}

TEST(SafetensorsTest, RefusesWhatIsNoRegularFile) {
  const TemporaryFolder folder;
  expect_error<CheckpointError>([&] { SafetensorsFile file(folder.path()); },
                                folder.path() + ": expected a regular file, found a folder");
  write_bytes(folder / "file", "");
  expect_error<CheckpointError>([&] { SafetensorsFile file(folder / "file/m"); },
                                (folder / "file/m") + ": cannot be opened: Not a directory");
}

TEST(SafetensorsTest, RefusesTensorsThatDifferFromTheirDeclaration) {
  const TemporaryFolder folder;
  SafetensorsWriter writer(folder / "m", {{"w", at::kFloat, {2}}});
  expect_error<ShapeError>([&] { writer.write("w", at::ones({3})); },
                           "tensor 'w': expected F32 [2], found F32 [3]");
  expect_error<ShapeError>([&] { writer.write("w", at::ones({2}, at::kDouble)); },
                           "tensor 'w': expected F32 [2], found F64 [2]");
  expect_error<InternalError>([&] { writer.write("v", at::ones({2})); }, "tensor 'v'");
  expect_error<InternalError>([&] { writer.commit(); }, "every declared tensor must be written");
  writer.write("w", at::ones({2}));
  expect_error<InternalError>([&] { writer.write("w", at::ones({2})); }, "written once");
}

TEST(SafetensorsTest, RefusesToWriteWhatItWouldNotRead) {
  const TemporaryFolder folder;
  const auto declare = [&](const std::vector<TensorSpec>& specs) {
    SafetensorsWriter writer(folder / "m", specs);
  };
  const std::vector<int64_t> one = {1};
  expect_error<CheckpointError>(
      [&] {
        declare({{"w", at::kFloat, one}, {"w", at::kFloat, one}});
      },
      "tensor 'w': expected every name once");
  expect_error<CheckpointError>(
      [&] {
        declare({{std::string(1025, 'n'), at::kFloat, one}});
      },
      "at most 1024 bytes, found 1025");
  expect_error<CheckpointError>(
      [&] {
        declare({{"a\nb", at::kFloat, one}});
      },
      "tensor 'a?b': expected a name without control characters");
  expect_error<CheckpointError>([&] { declare({{"\xff", at::kFloat, one}}); }, "expected UTF-8");
  expect_error<CheckpointError>(
      [&] {
        declare({{"__metadata__", at::kFloat, one}});
      },
      "expected every name once");
  expect_error<CheckpointError>(
      [&] {
        declare({{"w", at::kFloat, std::vector<int64_t>(17, 1)}});
      },
      "at most 16 numbers");
  expect_error<CheckpointError>(
      [&] {
        declare({{"w", at::kComplexDouble, one}});
      },
      "tensor 'w': expected a dtype that safetensors files are loaded "
      "with, found ComplexDouble");
  expect_error<CheckpointError>(
      [&] {
        declare({{"w", at::kFloat, {int64_t{1} << 61}}});
      },
      "tensor 'w': expected less than 2^63 bytes");
  expect_error<CheckpointError>(
      [&] {
        std::string note;
        note.resize(25'000'000, 'x');
        SafetensorsWriter(folder / "m", {}, {{"note", note}});
      },
      "header: expected at most 25000000 bytes");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsTest, LeavesNothingBehindWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  {
    const FileSizeLimit limit(/*num_bytes=*/4096);
    expect_error<IoError>(
        [&] {
          write_safetensors(folder / "m", {{"w", at::ones({10'000})}});
        },
        (folder / "m.tmp") + ": File too large");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsTest, RefusesAFolderThatCannotBeWrittenTo) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  expect_error<IoError>([&] { write_safetensors(folder / "file/m", {}); },
                        "cannot create " + (folder / "file/m.tmp") + ": Not a directory");
}

}  // namespace
}  // namespace hecaton::checkpoint
