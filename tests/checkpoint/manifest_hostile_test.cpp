// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdint>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "checkpoint/manifest.h"
#include "core/error.h"
#include "core/rng.h"
#include "tests/checkpoint/manifest_text.h"
#include "tests/checkpoint/memory_limit.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"

namespace hecaton::checkpoint {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::MemoryLimit;
using hecaton::testing::test_seed;

const std::string kZeros(32, '0');
const std::string kFile = R"("a":{"bytes":100,"xxh3_128":")" + kZeros + R"("})";
const std::string kPiece = R"({"file":"a","begin":0,"num_elements":4})";
const std::string kTensor = R"("w":{"dtype":"F32","shape":[2,2],"pieces":[)" + kPiece + "]}";
const std::string kBody =
    R"({"format":"hecaton-checkpoint","version":1,"step":7,"layout":"x","files":{)" + kFile +
    R"(},"tensors":{)" + kTensor + "},";

/// A legal text with its only `from` replaced, and sealed again.
std::string with(const std::string& from, const std::string& to) {
  std::string body = kBody;
  const size_t place = body.find(from);
  if (place == std::string::npos || body.find(from, place + 1) != std::string::npos) {
    throw std::logic_error("occurs not once: " + from);
  }
  return sealed(body.replace(place, from.size(), to));
}

std::string with_pieces(const std::string& pieces) {
  return with(kPiece, pieces);
}

/// A text that breaks one rule, and what is said about it.
struct HostileManifest {
  const char* name;
  std::string text;
  std::string message;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const HostileManifest& manifest, std::ostream* out) {
  *out << manifest.name;
}

std::vector<HostileManifest> broken_texts() {
  const std::string good = sealed(kBody);
  return {
      {"Empty", "", "expected its own hash at the end, found none: cut off?"},
      {"NoSeal", kBody.substr(0, kBody.size() - 1) + "}", "expected its own hash at the end"},
      {"CutInTheSeal", good.substr(0, good.size() - 1), "expected its own hash at the end"},
      {"TextAfterTheSeal", good + " ", "expected its own hash at the end"},
      {"ChangedStep",
       std::string(good).replace(good.find("\"step\":7"), 8, "\"step\":8"),
       "expected the hash "},
      {"OtherSeal",
       std::string(good).replace(good.size() - 6, 1, good[good.size() - 6] == '0' ? "1" : "0"),
       ": damaged"},
      {"NoObject", sealed("[1,"), "expected an object, found an array"},
      {"Unclosed", sealed(R"({"files":{"a":{"bytes":1,)"), "found a syntax error"},
      {"Comment", with("{\"format\"", "{/**/\"format\""), "found a syntax error at its byte 2"},
      {"Nul", with("\"x\"", std::string("\"x\"\0", 4)), "expected JSON in UTF-8, found a NUL"},
      {"EscapedNul", with("\"a\":{", R"("a\u0000":{)"), "file 'a?': expected a name of at most"},
      {"BadUtf8", with("\"x\"", "\"\xC3\x28\""), "expected JSON in UTF-8"},
      {"LoneSurrogate", with("\"x\"", R"("\ud800")"), "expected JSON in UTF-8"},
      {"DeepArrays",
       sealed("{\"files\":" + std::string(100'000, '[')),
       "key 'files': expected an object, found an array"},
      {"DeepObjects", sealed("{\"files\":" + std::string(100'000, '{')), "found a syntax error"},
      {"DeepShape",
       with("[2,2]", std::string(100'000, '[')),
       "tensor 'w': expected a whole number from 0 to 2^63-1, found an array"},
  };
}

std::vector<HostileManifest> broken_keys() {
  return {
      {"OtherFormat",
       with("hecaton-checkpoint", "hecaton"),
       "expected the format hecaton-checkpoint, found 'hecaton'"},
      {"NewerVersion",
       with("\"version\":1,\"step\"", "\"version\":2,\"stride\""),
       "key 'version': expected 1, the version that this program reads, found 2"},
      {"NoVersion", with("\"version\":1,", ""), "expected the key version, found none"},
      {"NoTensors",
       with(",\"tensors\":{" + kTensor + "}", ""),
       "expected the key tensors, found none"},
      {"TensorsBeforeFiles",
       with("\"files\":{" + kFile + "},", ""),
       "key 'tensors': expected the key files before it, found none"},
      {"UnknownKey",
       with("\"layout\"", "\"lay\\nout\""),
       "expected one of the keys format, version, step, layout, files, tensors, xxh3_128, found "
       "'lay?out'"},
      {"DuplicateKey",
       with("\"step\":7", "\"step\":7,\"step\":7"),
       "key 'step': expected every key once"},
      {"DuplicateKeyInOtherSpelling",
       with("\"step\":7", R"("step":7,"st\u0065p":7)"),
       "key 'step': expected every key once"},
      {"StepIsText", with("\"step\":7", "\"step\":\"7\""), "found the string '7'"},
      {"StepIsNegative", with("\"step\":7", "\"step\":-7"), "from 0 to 2^63-1, found -7"},
      {"StepIsAFraction", with("\"step\":7", "\"step\":7.0"), "found '7.0'"},
      {"StepIsHuge", with("\"step\":7", "\"step\":9223372036854775808"), "found 92233720"},
      {"StepIsNull", with("\"step\":7", "\"step\":null"), "key 'step': expected a whole number"},
      {"LayoutIsANumber", with("\"x\"", "1"), "key 'layout': expected a string, found 1"},
      {"LayoutIsTrue", with("\"x\"", "true"), "key 'layout': expected a string, found true"},
  };
}

std::vector<HostileManifest> broken_files() {
  const auto named = [](const std::string& name) {
    return with("\"a\":{\"bytes\"", "\"" + name + "\":{\"bytes\"");
  };
  const std::string down = ": expected a path that leads downwards, no part beginning with '.'";
  return {
      {"AbsoluteFile", named("/etc/passwd"), "file '/etc/passwd'" + down},
      {"ParentFile", named("../a"), "file '../a'" + down},
      {"ParentInside", named("a/../../b"), "file 'a/../../b'" + down},
      {"HiddenFile", named("model/.git"), "file 'model/.git'" + down},
      {"EmptyFileName", named(""), "file ''" + down},
      {"EmptyPart", named("a//b"), "file 'a//b'" + down},
      {"TrailingSlash", named("a/"), "file 'a/'" + down},
      {"LongFileName", named(std::string(1025, 'n')), "found 1025 bytes"},
      {"DuplicateFile", with(kFile, kFile + "," + kFile), "file 'a': expected every name once"},
      {"FileIsANumber", with(kFile, "\"a\":1"), "file 'a': expected an object, found 1"},
      {"FileWithoutHash",
       with(",\"xxh3_128\":\"" + kZeros + "\"", ""),
       "file 'a': expected the key xxh3_128, found none"},
      {"ShortHash",
       with(kZeros, "00"),
       "file 'a': expected a hash of 32 lower-case hexadecimal digits, found '00'"},
      {"UpperCaseHash", with(kZeros, std::string(32, 'A')), "found 'AAAA"},
      {"FewerBytesThanItsPieces",
       with("\"bytes\":100", "\"bytes\":15"),
       "tensor 'w': expected pieces that fit into the 15 bytes of 'a', found more"},
  };
}

std::vector<HostileManifest> broken_tensors() {
  const std::string max = "9223372036854775807";
  const std::string two = R"({"file":"a","begin":0,"num_elements":2})";
  return {
      {"DuplicateTensor", with(kTensor, kTensor + "," + kTensor), "'w': expected every name once"},
      {"TensorIsAnArray", with(kTensor, "\"w\":[]"), "tensor 'w': expected an object"},
      {"ControlCharacterInName", with("\"w\":", "\"w\\t\":"), "tensor 'w?': expected a name"},
      {"LongTensorName", with("\"w\":", "\"" + std::string(1025, 'n') + "\":"), "found 1025 bytes"},
      {"UnknownDtype", with("F32", "F31"), "expected a dtype that is loaded, found 'F31'"},
      {"DtypeThatIsNotLoaded", with("F32", "F8_E4M3"), "expected a dtype that is loaded"},
      {"DtypeIsANumber", with("\"F32\"", "32"), "key 'dtype': expected a string, found 32"},
      {"ShapeIsText", with("[2,2]", "\"4\""), "key 'shape': expected an array, found the string"},
      {"NegativeSize", with("[2,2]", "[-2,-2]"), "2^63-1, found -2"},
      {"RankAbove16",
       with("[2,2]", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"),
       "expected at most 16 numbers, found more"},
      {"ShapeOverflows",
       with("[2,2]", "[4294967296,4294967296]"),
       "tensor 'w': expected less than 2^60 bytes, found a shape of more"},
      {"ShapeOverflowsBesideZero", with("[2,2]", "[0," + max + "," + max + "]"), "2^60 bytes"},
      {"NoPieces", with_pieces(""), "expected pieces of 4 elements together, found 0"},
      {"PiecesOfAnEmptyTensor",
       with("[2,2]", "[0,2]"),
       "expected pieces of 0 elements together, found 4"},
      {"PieceIsANumber", with_pieces("1"), "tensor 'w': expected an object, found 1"},
      {"UnknownFile",
       with("\"file\":\"a\"", "\"file\":\"b\""),
       "tensor 'w': piece 0: expected one of the listed files, found 'b'"},
      {"PieceWithoutBegin", with("\"begin\":0,", ""), "piece 0: expected the key begin"},
      {"DuplicateKeyInPiece", with("\"begin\":0", "\"begin\":0,\"begin\":0"), "every key once"},
      {"UnknownKeyInPiece",
       with("\"begin\"", "\"start\""),
       "piece 0: expected one of the keys file, begin, num_elements, found 'start'"},
      {"StartsAfterZero",
       with("\"begin\":0", "\"begin\":1"),
       "piece 0: expected it to begin at element 0, where the one before it ends, found 1"},
      {"Hole",
       with_pieces(two + R"(,{"file":"a","begin":3,"num_elements":1})"),
       "piece 1: expected it to begin at element 2, where the one before it ends, found 3"},
      {"Overlap",
       with_pieces(two + R"(,{"file":"a","begin":1,"num_elements":3})"),
       "piece 1: expected it to begin at element 2"},
      {"PiecesOutOfOrder",
       with_pieces(R"({"file":"a","begin":2,"num_elements":2},)" + two),
       "piece 0: expected it to begin at element 0"},
      {"EmptyPiece",
       with("\"num_elements\":4", "\"num_elements\":0"),
       "piece 0: expected at least one element, less than 2^63 in all, found 0"},
      {"PieceThatOverflows",
       with_pieces(two + R"(,{"file":"a","begin":2,"num_elements":)" + max + "}"),
       "piece 1: expected at least one element, less than 2^63 in all, found " + max},
      {"MoreElementsThanTheShape",
       with("\"num_elements\":4", "\"num_elements\":5"),
       "expected pieces of 4 elements together, found 5"},
      {"HugeTensorInASmallFile",
       with("[2,2],\"pieces\":[" + kPiece,
            R"([1099511627776],"pieces":[{"file":"a","begin":0,"num_elements":1099511627776})"),
       "expected pieces that fit into the 100 bytes of 'a', found more"},
  };
}

std::vector<HostileManifest> hostile_manifests() {
  std::vector<HostileManifest> all = broken_texts();
  for (const auto& part : {broken_keys(), broken_files(), broken_tensors()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

/// Memory that reading a text may take: that of the smallest allocations and twice the text.
size_t memory_for(std::string_view text) {
  return (size_t{64} << 20) + 2 * text.size();
}

TEST(ManifestHostileTest, TheTextThatTheOthersAreMadeOfIsLegal) {
  EXPECT_EQ(parse_manifest("m", sealed(kBody)).tensors.at("w").shape, std::vector<int64_t>({2, 2}));
}

class HostileManifestTest : public ::testing::TestWithParam<HostileManifest> {};

TEST_P(HostileManifestTest, IsRefusedInOneLineWithinTheMemoryBound) {
  const std::string& text = GetParam().text;
  std::string message;
  {
    const MemoryLimit limit(memory_for(text));
    try {
      parse_manifest("m", text);
    } catch (const CheckpointError& error) {
      message = error.what();
    }
  }
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
  EXPECT_TRUE(message.starts_with("m: ")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_LT(message.size(), 400U) << message;
}

INSTANTIATE_TEST_SUITE_P(Rules,
                         HostileManifestTest,
                         ::testing::ValuesIn(hostile_manifests()),
                         [](const auto& test) { return std::string(test.param.name); });

/// `count` short entries between the two halves of a body.
std::string repeated(const std::string& head,
                     int64_t count,
                     const std::string& entry,
                     const std::string& tail) {
  std::string body = head;
  for (int64_t i = 0; i < count; ++i) {
    body += (i == 0 ? "\"" : ",\"") + std::to_string(i) + entry;
  }
  return sealed(body + tail);
}

TEST(ManifestHostileTest, RefusesMoreThanAMillionTensorsOrFilesWithinTheMemoryBound) {
  const std::string head = R"({"format":"hecaton-checkpoint","version":1,"step":7,"layout":"x",)";
  const std::string files = repeated(
      head + "\"files\":{", 1'000'001, R"(":{"bytes":0,"xxh3_128":")" + kZeros + "\"}", "},");
  const std::string tensors = repeated(head + R"("files":{},"tensors":{)",
                                       1'000'001,
                                       R"(":{"dtype":"U8","shape":[0],"pieces":[]})",
                                       "},");
  for (const auto& [text, message] :
       {std::pair(files, "file '1000000': expected at most 1000000 files, found more"),
        std::pair(tensors, "tensor '1000000': expected at most 1000000 tensors, found more")}) {
    const MemoryLimit limit(3 * memory_for(text));
    expect_error<CheckpointError>([&] { parse_manifest("m", text); }, message);
  }
}

TEST(ManifestHostileTest, HoldsAMillionPiecesWithinTheMemoryBound) {
  std::string pieces;
  for (int i = 0; i < 1'000'000; ++i) {
    pieces += (i == 0 ? "" : ",") + (R"({"file":"a","begin":)" + std::to_string(i)) +
              R"(,"num_elements":1})";
  }
  std::string body = kBody;
  body.replace(body.find(kPiece), kPiece.size(), pieces);
  body.replace(body.find("[2,2]"), 5, "[1000000]");
  body.replace(body.find("\"bytes\":100"), 11, "\"bytes\":4000000");
  const std::string text = sealed(body);
  const MemoryLimit limit(memory_for(text));
  EXPECT_EQ(parse_manifest("m", text).tensors.at("w").pieces.size(), 1'000'000U);
}

TEST(ManifestHostileTest, ReadsOrRefusesATextWithOneByteChangedAndSealedAgain) {
  const CounterRng rng(test_seed(), "changed bytes");
  int num_read = 0;
  int num_refused = 0;
  for (uint64_t trial = 0; trial < 20'000; ++trial) {
    std::string body = kBody;
    body[rng.bits(2 * trial) % body.size()] = static_cast<char>(rng.bits(2 * trial + 1));
    try {
      const Manifest manifest = parse_manifest("m", sealed(body));
      EXPECT_EQ(format_manifest(parse_manifest("n", format_manifest(manifest))),
                format_manifest(manifest));
      ++num_read;
    } catch (const CheckpointError&) {
      ++num_refused;  // any other exception fails the test
    }
  }
  // Names, sizes and the step may change, the structure may not: both outcomes must occur.
  EXPECT_GT(num_read, 100);
  EXPECT_GT(num_refused, 100);
}

}  // namespace
}  // namespace hecaton::checkpoint
