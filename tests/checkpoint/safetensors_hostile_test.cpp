// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "core/rng.h"
#include "tests/checkpoint/safetensors_bytes.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::checkpoint {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::read_bytes;
using hecaton::testing::safetensors_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::test_seed;
using hecaton::testing::write_bytes;

/// A file that breaks one rule, and what is said about it.
struct HostileFile {
  const char* name;
  std::string bytes;
  std::string message;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const HostileFile& file, std::ostream* out) {
  *out << file.name;
}

/// Header of one tensor `w` with these three values.
std::string one_tensor(const std::string& dtype,
                       const std::string& shape,
                       const std::string& offsets) {
  return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

/// Header of tensors `a` and `b`, U8, with these byte ranges.
std::string two_tensors(int64_t a_begin, int64_t a_end, int64_t b_begin, int64_t b_end) {
  const auto tensor = [](int64_t begin, int64_t end) {
    return R"({"dtype":"U8","shape":[)" + std::to_string(end - begin) + R"(],"data_offsets":[)" +
           std::to_string(begin) + "," + std::to_string(end) + "]}";
  };
  return R"({"a":)" + tensor(a_begin, a_end) + R"(,"b":)" + tensor(b_begin, b_end) + "}";
}

const std::vector<HostileFile>& hostile_files() {
  static const std::vector<HostileFile> kFiles = [] {
    const std::string good = one_tensor(R"("U8")", "[2]", "[0,2]");
    const std::string f32 = R"("F32")";
    const std::string nul_in_header = good + std::string(1, '\0') + "garbage";
    std::vector<HostileFile> files = {
        // The length.
        {"Empty", "", "header: expected its length in the first 8 bytes, found 0 bytes"},
        {"SevenBytes", "1234567", "first 8 bytes, found 7 bytes"},
        {"LengthBeyondTheFile",
         safetensors_bytes("{}", "", 3),
         "at most 2 bytes, found a length of 3"},
        {"LengthWithTheTopBit",
         safetensors_bytes("{}", "", uint64_t{1} << 63),
         "9223372036854775808"},
        {"LengthThatOverflows", safetensors_bytes("{}", "", UINT64_MAX), "found a length of 1844"},
        {"NoHeader", safetensors_bytes(""), "expected { as its first character, found none"},
        // The text.
        {"LeadingBlank", safetensors_bytes(" {}"), "expected { as its first character"},
        {"ByteOrderMark", safetensors_bytes("\xEF\xBB\xBF{}"), "expected { as its first character"},
        {"TopLevelArray", safetensors_bytes("[]"), "expected { as its first character"},
        {"UnclosedObject", safetensors_bytes("{"), "expected JSON in UTF-8, found a syntax error"},
        {"TrailingText", safetensors_bytes("{} x"), "found a syntax error at its byte 4"},
        {"SecondDocument", safetensors_bytes("{}{}"), "found a syntax error"},
        {"Comment", safetensors_bytes("{}//"), "found a syntax error"},
        {"NulInHeader", safetensors_bytes(nul_in_header, "ab"), "found a NUL at its byte"},
        {"BadUtf8", safetensors_bytes("{\"\xC3\x28\":1}"), "expected JSON in UTF-8"},
        {"OverlongUtf8", safetensors_bytes("{\"\xC0\xAF\":1}"), "expected JSON in UTF-8"},
        {"LoneSurrogate", safetensors_bytes(R"({"\ud800":1})"), "expected JSON in UTF-8"},
        {"NotANumber", safetensors_bytes(one_tensor(f32, "[NaN]", "[0,4]")), "syntax error"},
        {"HugeNumber", safetensors_bytes(one_tensor(f32, "[1e999]", "[0,4]")), "syntax error"},
        {"DeepObjects", safetensors_bytes(R"({"a":)" + std::string(100'000, '{')), "syntax error"},
        {"DeepArrays",
         safetensors_bytes(R"({"w":{"shape":)" + std::string(100'000, '[')),
         "key 'shape': expected whole numbers from 0 to 2^63-1, found an array"},
        {"ThreeLevelsOfObjects",
         safetensors_bytes(R"({"w":{"shape":{}}})"),
         "key 'shape': expected an array of numbers, found an object"},
        // Names and metadata.
        {"TensorIsANumber", safetensors_bytes(R"({"w":1})"), "'w': expected an object, found 1"},
        {"TensorIsNull", safetensors_bytes(R"({"w":null})"), "expected an object, found null"},
        {"TensorIsAnArray", safetensors_bytes(R"({"w":[]})"), "expected an object, found an array"},
        {"TensorIsAString", safetensors_bytes(R"({"w":"x"})"), "found the string 'x'"},
        {"TensorIsTrue", safetensors_bytes(R"({"w":true})"), "expected an object, found true"},
        {"DuplicateTensor",
         safetensors_bytes(good.substr(0, good.size() - 1) + "," + good.substr(1), "ab"),
         "tensor 'w': expected every name once"},
        {"DuplicateTensorInOtherSpelling",
         safetensors_bytes(good.substr(0, good.size() - 1) + R"(,"\u0077")" + good.substr(4), "ab"),
         "tensor 'w': expected every name once"},
        {"LongName",
         safetensors_bytes("{\"" + std::string(1025, 'n') + "\":{}}"),
         "...': expected a name of at most 1024 bytes, found 1025"},
        {"ControlCharacterInName",
         safetensors_bytes(R"({"a\nb":{}})"),
         "tensor 'a?b': expected a name"},
        {"EscapedNulInName",
         safetensors_bytes(R"({"a\u0000b":{}})"),
         "tensor 'a?b': expected a name"},
        {"DeleteInName", safetensors_bytes("{\"a\x7f\":{}}"), "tensor 'a?': expected a name"},
        {"MetadataIsAnArray", safetensors_bytes(R"({"__metadata__":[]})"), "expected an object"},
        {"MetadataIsANumber",
         safetensors_bytes(R"({"__metadata__":{"a":1}})"),
         "tensor '__metadata__', key 'a': expected a string, found 1"},
        {"MetadataIsNested",
         safetensors_bytes(R"({"__metadata__":{"a":{}}})"),
         "expected a string, found an object"},
        {"DuplicateMetadataKey",
         safetensors_bytes(R"({"__metadata__":{"a":"1","a":"2"}})"),
         "key 'a': expected every key once"},
        {"DuplicateMetadata",
         safetensors_bytes(R"({"__metadata__":{},"__metadata__":{}})"),
         "expected every name once"},
        // The keys of a tensor.
        {"EmptyTensorObject",
         safetensors_bytes(R"({"w":{}})"),
         "expected the key dtype, found none"},
        {"NoShape",
         safetensors_bytes(R"({"w":{"dtype":"U8","data_offsets":[0,0]}})"),
         "the key shape"},
        {"NoOffsets", safetensors_bytes(R"({"w":{"dtype":"U8","shape":[0]}})"), "key data_offsets"},
        {"UnknownKey",
         safetensors_bytes(R"({"w":{"strides":[1]}})"),
         "one of the keys dtype, shape"},
        {"DuplicateKey",
         safetensors_bytes(R"({"w":{"dtype":"U8","dtype":"U8"}})"),
         "key 'dtype': expected every key once"},
        {"UnknownDtype",
         safetensors_bytes(one_tensor(R"("F128")", "[1]", "[0,16]"), std::string(16, 'x')),
         "expected a known dtype, found 'F128'"},
        {"DtypeInLowerCase",
         safetensors_bytes(one_tensor(R"("f32")", "[1]", "[0,4]"), "abcd"),
         "'f32'"},
        {"DtypeIsANumber", safetensors_bytes(one_tensor("1", "[1]", "[0,4]")), "expected a string"},
        {"DtypeIsAnArray",
         safetensors_bytes(one_tensor("[]", "[1]", "[0,4]")),
         "expected a string"},
        {"ShapeIsAString",
         safetensors_bytes(one_tensor(f32, R"("1")", "[0,4]")),
         "array of numbers"},
        {"NegativeSize", safetensors_bytes(one_tensor(f32, "[-1]", "[0,4]")), "2^63-1, found -1"},
        {"FractionalSize", safetensors_bytes(one_tensor(f32, "[1.0]", "[0,4]")), "found '1.0'"},
        {"SizeIsAString",
         safetensors_bytes(one_tensor(f32, R"(["1"])", "[0,4]")),
         "the string '1'"},
        {"SizeIsTrue", safetensors_bytes(one_tensor(f32, "[true]", "[0,4]")), "found true"},
        {"SizeAbove63Bits",
         safetensors_bytes(one_tensor(f32, "[9223372036854775808]", "[0,4]")),
         "found 9223372036854775808"},
        {"SizeAbove64Bits",
         safetensors_bytes(one_tensor(f32, "[18446744073709551616]", "[0,4]")),
         "found '18446744073709551616'"},
        {"RankAbove16",
         safetensors_bytes(one_tensor(R"("U8")", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]"),
                           "a"),
         "key 'shape': expected at most 16 numbers, found more"},
        // Sizes and places.
        {"ProductOverflows",
         safetensors_bytes(one_tensor(f32, "[4294967296,4294967296]", "[0,0]")),
         "tensor 'w': expected a whole number of bytes below 2^60, found F32 "
         "[4294967296,4294967296]"},
        {"BitsOverflow",
         safetensors_bytes(one_tensor(f32, "[576460752303423488]", "[0,0]")),
         "below 2^60"},
        {"ProductOverflowsBesideZero",
         safetensors_bytes(one_tensor(f32, "[0,4611686018427387904,4611686018427387904]", "[0,0]")),
         "below 2^60"},
        {"HalfAByte", safetensors_bytes(one_tensor(R"("F4")", "[3]", "[0,2]"), "ab"), "F4 [3]"},
        {"RangeTooShort",
         safetensors_bytes(one_tensor(f32, "[2]", "[0,4]"), "abcd"),
         "expected 8 bytes for F32 [2], found data_offsets [0,4]"},
        {"OneOffset", safetensors_bytes(one_tensor(f32, "[1]", "[4]"), "abcd"), "[begin, end]"},
        {"ThreeOffsets", safetensors_bytes(one_tensor(f32, "[1]", "[0,4,8]")), "at most 2 numbers"},
        {"NegativeOffset", safetensors_bytes(one_tensor(f32, "[1]", "[-4,0]")), "found -4"},
        {"EndBeforeBegin", safetensors_bytes(one_tensor(f32, "[1]", "[4,0]")), "begin <= end"},
        {"StartsAfterZero",
         safetensors_bytes(one_tensor(R"("U8")", "[2]", "[1,3]"), "abc"),
         "expected its data at byte 0, where the one before it ends, found 1"},
        {"Overlap", safetensors_bytes(two_tensors(0, 3, 2, 4), "abcd"), "at byte 3"},
        {"SameRange",
         safetensors_bytes(two_tensors(0, 2, 0, 2), "ab"),
         "'b': expected its data at byte 2"},
        {"Hole", safetensors_bytes(two_tensors(0, 2, 3, 4), "abcd"), "at byte 2, where"},
        {"RangeBeyondTheFile",
         safetensors_bytes(one_tensor(R"("U8")", "[1000000000000]", "[0,1000000000000]"), "a"),
         "data: expected 1000000000000 bytes for the tensors of the header, found 1"},
        {"TrailingData", safetensors_bytes(good, "abc"), "data: expected 2 bytes"},
        {"DataWithoutTensors", safetensors_bytes("{}", "abc"), "data: expected 0 bytes"},
        // Other formats.
        {"Zip", "PK\x03\x04 and more", "expected a safetensors file, found a zip archive"},
        {"ShortZip", "PK\x03\x04", "found a zip archive"},
        {"OldTorchPickle", "\x80\x02\x8a\x0a and more", "found a pickle"},
        {"BarePickle", "\x80\x02}q\x01.", "found a pickle (an old PyTorch checkpoint?), which"},
        {"NewPickle", "\x80\x05\x95 and more", "convert it to safetensors where you trust it"},
        // The length 640 and nothing behind it: 0x80 and 2 do not make a pickle.
        {"LengthLikeAPickle",
         std::string("\x80\x02\0\0\0\0\0\0", 8),
         "header: expected at most 0 bytes, found a length of 640"},
        {"Gguf", "GGUF and more bytes", "found a GGUF file"},
        {"GitLfsPointer", "version https://git-lfs.github.com/spec/v1", "found a Git LFS pointer"},
        {"Html", "\n <!DOCTYPE html><html>Sign in", "found a web page: the download failed"},
        {"HtmlWithoutDoctype", "<HTML><body>Not found", "found a web page"},
    };
    return files;
  }();
  return kFiles;
}

class HostileSafetensorsTest : public ::testing::TestWithParam<HostileFile> {};

TEST_P(HostileSafetensorsTest, IsRefusedInOneLineNamingTheFile) {
  const TemporaryFolder folder;
  write_bytes(folder / "m", GetParam().bytes);
  expect_error<CheckpointError>([&] { SafetensorsFile file(folder / "m"); }, GetParam().message);
  try {
    SafetensorsFile file(folder / "m");
  } catch (const CheckpointError& error) {
    const std::string_view text = error.what();
    EXPECT_TRUE(text.starts_with((folder / "m") + ": ")) << text;
    EXPECT_EQ(text.find('\n'), std::string_view::npos) << text;
    EXPECT_LT(text.size(), 400U) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Rules,
                         HostileSafetensorsTest,
                         ::testing::ValuesIn(hostile_files()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(SafetensorsHostileTest, RefusesAHeaderAboveTheLimitEvenIfTheFileIsThatLong) {
  const TemporaryFolder folder;
  // A sparse file: it takes no room on the disk.
  write_bytes(folder / "m", safetensors_bytes("{}", "", 100'000'001));
  std::filesystem::resize_file(folder / "m", 100'000'009);
  expect_error<CheckpointError>([&] { SafetensorsFile file(folder / "m"); },
                                "at most 100000000 bytes, found a length of 100000001");
}

TEST(SafetensorsHostileTest, RefusesMoreThanAMillionTensors) {
  std::string header = "{";
  for (int i = 0; i <= 1'000'000; ++i) {
    header += (i == 0 ? "\"" : ",\"") + std::to_string(i) +
              R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  }
  const TemporaryFolder folder;
  write_bytes(folder / "m", safetensors_bytes(header + "}"));
  expect_error<CheckpointError>([&] { SafetensorsFile file(folder / "m"); },
                                "expected at most 1000000 tensors, found more");
}

/// A small legal file with several tensors and metadata.
std::string small_file(const TemporaryFolder& folder) {
  write_safetensors(folder / "small",
                    {{"a", at::ones({2, 3})},
                     {"b", at::ones({}, at::kBFloat16)},
                     {"c", at::ones({3}, at::kBool)},
                     {"d", at::ones({0, 4}, at::kLong)}},
                    {{"note", "x"}});
  return read_bytes(folder / "small");
}

TEST(SafetensorsHostileTest, RefusesAFileCutOffAtAnyByte) {
  const TemporaryFolder folder;
  const std::string whole = small_file(folder);
  for (size_t length = 0; length < whole.size(); ++length) {
    write_bytes(folder / "cut", whole.substr(0, length));
    SCOPED_TRACE("cut to " + std::to_string(length) + " bytes");
    expect_error<CheckpointError>([&] { SafetensorsFile file(folder / "cut"); }, folder / "cut");
  }
}

TEST(SafetensorsHostileTest, LoadsOrRefusesAFileWithOneByteChanged) {
  const TemporaryFolder folder;
  const std::string whole = small_file(folder);
  const CounterRng rng(test_seed(), "changed bytes");
  int num_loaded = 0;
  int num_refused = 0;
  for (uint64_t trial = 0; trial < 4000; ++trial) {
    std::string changed = whole;
    const size_t place = rng.bits(2 * trial) % whole.size();
    changed[place] = static_cast<char>(rng.bits(2 * trial + 1));
    write_bytes(folder / "changed", changed);
    try {
      const SafetensorsFile file(folder / "changed");
      for (const auto& [name, info] : file.tensors()) {
        EXPECT_EQ(file.load(name).nbytes(), static_cast<size_t>(info.end - info.begin));
      }
      ++num_loaded;
    } catch (const CheckpointError&) {
      ++num_refused;  // any other exception fails the test
    }
  }
  // Values and names may change freely, lengths and structure may not: both outcomes must occur.
  EXPECT_GT(num_loaded, 100);
  EXPECT_GT(num_refused, 100);
}

}  // namespace
}  // namespace hecaton::checkpoint
