// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/dataset.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "recipes/data/tokenizer.h"
#include "tests/recipes/data/text_dataset.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_bitwise_equal;
using hecaton::testing::expect_error;

constexpr int64_t kEnd = ByteTokenizer::kDocumentEndId;
constexpr int64_t kPad = ByteTokenizer::kPaddingId;
constexpr int64_t kNone = kIgnoredTarget;

TokenDataset dataset_of(const std::vector<std::string>& texts,
                        int64_t sequence_length,
                        bool cross_document_attention = false,
                        uint64_t seed = 1) {
  return text_dataset(texts, sequence_length, cross_document_attention, seed);
}

at::Tensor rows(const std::vector<int64_t>& values, int64_t width) {
  return at::tensor(values, at::kLong).view({-1, width});
}

TEST(TokenDatasetTest, CutsDocumentsIntoPaddedWindows) {
  const TokenDataset dataset = dataset_of({"ab", "", "cde"}, /*sequence_length=*/3);
  // Stream: a b end | end | c d e end.
  EXPECT_EQ(dataset.num_tokens(), 8);
  EXPECT_EQ(dataset.num_documents(), 3);
  EXPECT_EQ(dataset.num_windows(), 3);
  const Batch batch = dataset.window_batch(0, 3);
  expect_bitwise_equal(batch.input_BQ, rows({'a', 'b', kEnd, kEnd, 'c', 'd', 'e', kPad, kPad}, 3));
  expect_bitwise_equal(batch.target_BQ,
                       rows({'b', kEnd, kNone, kNone, 'd', 'e', kEnd, kNone, kNone}, 3));
  expect_bitwise_equal(batch.document_idx_BQ, rows({0, 0, 0, 0, 1, 1, 0, -1, -1}, 3).to(at::kInt));
  expect_bitwise_equal(batch.valid_BQ, rows({1, 1, 1, 1, 1, 1, 1, 0, 0}, 3).to(at::kBool));
  EXPECT_EQ(batch.num_target_tokens, 5);
  EXPECT_EQ(batch.first_sample, 0);
}

TEST(TokenDatasetTest, JoinsDocumentsWhenAsked) {
  const TokenDataset dataset =
      dataset_of({"ab", "c"}, /*sequence_length=*/3, /*cross_document_attention=*/true);
  const Batch batch = dataset.window_batch(0, 2);
  expect_bitwise_equal(batch.input_BQ, rows({'a', 'b', kEnd, 'c', kPad, kPad}, 3));
  expect_bitwise_equal(batch.target_BQ, rows({'b', kEnd, 'c', kEnd, kNone, kNone}, 3));
  expect_bitwise_equal(batch.document_idx_BQ, rows({0, 0, 0, 0, 0, 0}, 3).to(at::kInt));
  expect_bitwise_equal(batch.valid_BQ, rows({1, 1, 1, 1, 0, 0}, 3).to(at::kBool));
  EXPECT_EQ(batch.num_target_tokens, 4);
}

TEST(TokenDatasetTest, FillsALastWindowExactly) {
  const TokenDataset dataset = dataset_of({"abcd"}, /*sequence_length=*/2);
  EXPECT_EQ(dataset.num_windows(), 2);
  const Batch batch = dataset.window_batch(0, 2);
  expect_bitwise_equal(batch.input_BQ, rows({'a', 'b', 'c', 'd'}, 2));
  expect_bitwise_equal(batch.target_BQ, rows({'b', 'c', 'd', kEnd}, 2));
}

TEST(TokenDatasetTest, ServesPaddingBeyondTheLastWindow) {
  const TokenDataset dataset = dataset_of({"abcd"}, /*sequence_length=*/2);
  const Batch batch = dataset.window_batch(1, 3);
  expect_bitwise_equal(batch.input_BQ, rows({'c', 'd', kPad, kPad, kPad, kPad}, 2));
  expect_bitwise_equal(batch.target_BQ, rows({'d', kEnd, kNone, kNone, kNone, kNone}, 2));
  expect_bitwise_equal(batch.valid_BQ, rows({1, 1, 0, 0, 0, 0}, 2).to(at::kBool));
  EXPECT_EQ(batch.num_target_tokens, 2);
  EXPECT_EQ(batch.first_sample, 1);
  EXPECT_EQ(dataset.window_batch(0, 0).input_BQ.sizes(), (std::vector<int64_t>{0, 2}));
}

TEST(TokenDatasetTest, CountsEveryTargetOnceOverAllWindows) {
  for (const int64_t sequence_length : {1, 2, 3, 7, 8, 9, 100}) {
    const TokenDataset dataset = dataset_of({"the first", "", "and the second"}, sequence_length);
    // Every token but the first of each document is a target.
    EXPECT_EQ(dataset.window_batch(0, dataset.num_windows()).num_target_tokens,
              dataset.num_tokens() - dataset.num_documents())
        << "sequence_length " << sequence_length;
  }
}

std::string numbered_bytes(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text.push_back(static_cast<char>(i));
  }
  return text;
}

/// First inputs of the samples of one epoch of a data set with windows of one byte.
std::vector<int64_t> order_of_epoch(const TokenDataset& dataset, int64_t epoch) {
  const int64_t size = dataset.num_windows();
  const at::Tensor inputs = dataset.train_batch(epoch * size, size).input_BQ.view({-1});
  const auto* data = inputs.const_data_ptr<int64_t>();
  return {data, data + size};
}

TEST(TokenDatasetTest, VisitsEveryWindowOnceAnEpochInANewOrder) {
  const TokenDataset dataset = dataset_of({numbered_bytes(100)}, /*sequence_length=*/1);
  std::vector<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> order = order_of_epoch(dataset, epoch);
    orders.push_back(order);
    std::sort(order.begin(), order.end());
    for (int64_t i = 0; i < 100; ++i) {
      EXPECT_EQ(order[static_cast<size_t>(i)], i) << "epoch " << epoch;
    }
    EXPECT_NE(orders.back(), order) << "epoch " << epoch << " is not shuffled";
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
}

TEST(TokenDatasetTest, ShufflesByTheSeedAlone) {
  const std::string text = numbered_bytes(100);
  const auto order = [&](uint64_t seed) {
    return order_of_epoch(dataset_of({text}, 1, false, seed), 0);
  };
  EXPECT_EQ(order(5), order(5));
  EXPECT_NE(order(5), order(6));
}

TEST(TokenDatasetTest, KeepsTheOrderOfSamplesOverReleases) {
  // A resumed run must see what it would have seen: a change here breaks every saved run.
  const std::vector<int64_t> order = order_of_epoch(dataset_of({numbered_bytes(10)}, 1), 0);
  EXPECT_EQ(order, (std::vector<int64_t>{5, 3, 2, 1, 6, 9, 4, 8, 0, 7}));
}

TEST(TokenDatasetTest, ServesTheSameSamplesHoweverTheyAreBatched) {
  const TokenDataset dataset = dataset_of({numbered_bytes(50), "another"}, /*sequence_length=*/4);
  const Batch whole = dataset.train_batch(0, 40);  // passes the end of an epoch
  for (const int64_t size : {1, 3, 8, 40}) {
    std::vector<at::Tensor> inputs;
    std::vector<at::Tensor> targets;
    int64_t num_target_tokens = 0;
    for (int64_t first = 0; first < 40; first += size) {
      const Batch batch = dataset.train_batch(first, std::min(size, 40 - first));
      EXPECT_EQ(batch.first_sample, first);
      inputs.push_back(batch.input_BQ);
      targets.push_back(batch.target_BQ);
      num_target_tokens += batch.num_target_tokens;
    }
    expect_bitwise_equal(at::cat(inputs), whole.input_BQ);
    expect_bitwise_equal(at::cat(targets), whole.target_BQ);
    EXPECT_EQ(num_target_tokens, whole.num_target_tokens);
  }
}

TEST(TokenDatasetTest, FingerprintsTheContentOnly) {
  const uint64_t fingerprint = dataset_of({"ab", "c"}, 3).fingerprint();
  EXPECT_EQ(dataset_of({"ab", "c"}, 5, true, 9).fingerprint(), fingerprint);
  EXPECT_NE(dataset_of({"ab", "d"}, 3).fingerprint(), fingerprint);
  EXPECT_NE(dataset_of({"a", "bc"}, 3).fingerprint(), fingerprint);
}

TEST(TokenDatasetTest, RefusesDataWithoutATarget) {
  expect_error<DataError>([] { dataset_of({}, 4); },
                          "text: expected a token to train on, found none in 0 documents");
  expect_error<DataError>([] { dataset_of({"", ""}, 4); }, "found none in 2 documents");
}

TEST(TokenDatasetTest, RefusesASequenceWithoutTokens) {
  expect_error<ConfigError>([] { dataset_of({"a"}, 0); },
                            "dataset.sequence_length = 0: must be at least 1");
}

/// Two sources of windows of one byte: 70 of them 0 to 69, and 30 of them 100 to 129.
TokenDataset two_sources(std::optional<double> first_weight, std::optional<double> second_weight) {
  std::vector<DataSource> sources;
  const auto source = [](const std::string& text) {
    return std::make_unique<StreamWindows>(stream_of({text}), 1, false);
  };
  const std::string bytes = numbered_bytes(130);
  sources.push_back({"first", source(bytes.substr(0, 70)), first_weight});
  sources.push_back({"second", source(bytes.substr(100)), second_weight});
  return TokenDataset(std::move(sources), /*sequence_length=*/1, /*seed=*/3);
}

std::vector<int64_t> first_inputs(const TokenDataset& dataset, int64_t first, int64_t count) {
  const at::Tensor inputs = dataset.train_batch(first, count).input_BQ.view({-1});
  const auto* data = inputs.const_data_ptr<int64_t>();
  return {data, data + count};
}

TEST(TokenDatasetTest, ShufflesUnweightedSourcesTogether) {
  const TokenDataset dataset = two_sources({}, {});
  EXPECT_EQ(dataset.num_windows(), 100);
  EXPECT_EQ(dataset.num_tokens(), 102);
  EXPECT_EQ(dataset.num_documents(), 2);
  std::vector<int64_t> order = first_inputs(dataset, 0, 100);
  const auto num_late =
      std::count_if(order.begin(), order.begin() + 50, [](int64_t id) { return id >= 100; });
  EXPECT_TRUE(num_late > 5 && num_late < 25) << num_late;
  std::sort(order.begin(), order.end());
  EXPECT_EQ(std::unique(order.begin(), order.end()), order.end());
}

TEST(TokenDatasetTest, BlendsWeightedSourcesEachInItsOwnEpochs) {
  const TokenDataset dataset = two_sources(1.0, 3.0);
  std::vector<int64_t> first;
  std::vector<int64_t> second;
  for (const int64_t id : first_inputs(dataset, 0, 120)) {
    (id < 100 ? first : second).push_back(id);
  }
  ASSERT_EQ(first.size(), 30U);
  ASSERT_EQ(second.size(), 90U);  // three epochs
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> visited(second.begin() + 30 * epoch, second.begin() + 30 * (epoch + 1));
    std::sort(visited.begin(), visited.end());
    EXPECT_EQ(visited.front(), 100);
    EXPECT_EQ(visited.back(), 129);
    EXPECT_EQ(std::unique(visited.begin(), visited.end()), visited.end());
  }
  EXPECT_NE(std::vector<int64_t>(second.begin(), second.begin() + 30),
            std::vector<int64_t>(second.begin() + 30, second.begin() + 60));
}

TEST(TokenDatasetTest, SaysWhatARunTakesFromEachSource) {
  const std::vector<SourceUse> blended = two_sources(1.0, 3.0).source_uses(120.0);
  EXPECT_EQ(blended[0].name, "first");
  EXPECT_DOUBLE_EQ(blended[0].share, 0.25);
  EXPECT_DOUBLE_EQ(blended[1].share, 0.75);
  EXPECT_DOUBLE_EQ(blended[1].num_epochs, 3.0);
  EXPECT_EQ(blended[1].num_windows, 30);
  EXPECT_EQ(blended[1].num_tokens, 31);
  EXPECT_EQ(blended[1].num_documents, 1);
  const std::vector<SourceUse> joined = two_sources({}, {}).source_uses(200.0);
  EXPECT_DOUBLE_EQ(joined[0].share, 0.7);
  EXPECT_DOUBLE_EQ(joined[1].share, 0.3);
  EXPECT_DOUBLE_EQ(joined[0].num_epochs, 2.0);
}

TEST(TokenDatasetTest, ServesTheSameBlendFromAnyPlace) {
  const TokenDataset dataset = two_sources(2.0, 1.0);
  const std::vector<int64_t> whole = first_inputs(dataset, 0, 60);
  for (const int64_t first : {40, 7, 59, 0}) {  // backwards, too
    EXPECT_EQ(first_inputs(dataset, first, 1).front(), whole[static_cast<size_t>(first)]);
  }
}

TEST(TokenDatasetTest, RefusesAWeightForSomeSourcesOnly) {
  expect_error<ConfigError>([] { two_sources(1.0, {}); },
                            "data: expected a weight for every source or for none, found 1 "
                            "weights for 2 sources");
}

TEST(TokenDatasetTest, FingerprintsTheOrderOfSources) {
  EXPECT_EQ(two_sources({}, {}).fingerprint(), two_sources(1.0, 2.0).fingerprint());
  EXPECT_NE(two_sources({}, {}).fingerprint(), dataset_of({numbered_bytes(130)}, 1).fingerprint());
}

}  // namespace
}  // namespace hecaton::recipes
