// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/bigram.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"
#include "tests/recipes/data/text_dataset.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;

TokenDataset dataset_of(const std::vector<std::string>& texts,
                        bool cross_document_attention = false) {
  return text_dataset(texts, /*sequence_length=*/4, cross_document_attention);
}

/// The loss of data that is bytes.
double loss_of(const TokenDataset& train, const TokenDataset& evaluated, int64_t num_windows) {
  return bigram_loss(train, evaluated, num_windows).value();
}

/// -log p of a pair seen `num_pairs` times after a token seen `num_firsts` times.
double nats(double num_pairs, double num_firsts) {
  return -std::log((num_pairs + 0.05) / (num_firsts + 12.85));
}

TEST(BigramTest, MatchesACountByHand) {
  // Trained pairs: ab, ba, ab, b-end, aa, a-end. Then a is followed by b, b, a, end.
  const TokenDataset train = dataset_of({"abab", "aa"});
  const TokenDataset evaluated = dataset_of({"abc"});
  // Targets: b after a, c after b, the end after c.
  const double expected = (nats(2, 4) + nats(0, 2) + nats(0, 0)) / 3.0;
  EXPECT_NEAR(loss_of(train, evaluated, evaluated.num_windows()), expected, 1e-12);
}

TEST(BigramTest, CrossesDocumentsOnlyWhereTheModelDoes) {
  const std::vector<std::string> texts = {"a", "b"};
  const TokenDataset isolated = dataset_of(texts);
  EXPECT_NEAR(loss_of(isolated, isolated, 1), nats(1, 1), 1e-12);
  const TokenDataset joined = dataset_of(texts, /*cross_document_attention=*/true);
  EXPECT_NEAR(loss_of(joined, joined, 1), nats(1, 1), 1e-12);
  // Asked about b after a document end, which the isolated data never shows.
  EXPECT_NEAR(loss_of(isolated, joined, 1), (nats(1, 1) + nats(0, 0) + nats(1, 1)) / 3.0, 1e-12);
}

TEST(BigramTest, CountsTheTargetsOfTheFirstWindowsOnly) {
  const TokenDataset train = dataset_of({"aaaaaaaa"});
  const TokenDataset evaluated = dataset_of({"aaaaazzzz"});  // windows: aaaa, azzz, z
  EXPECT_NEAR(loss_of(train, evaluated, 1), nats(7, 8), 1e-12);
  EXPECT_GT(loss_of(train, evaluated, 2), 2.0);
  EXPECT_EQ(loss_of(train, evaluated, 3), loss_of(train, evaluated, 1000));
}

TEST(BigramTest, ReachesTheEntropyOfItsOwnSource) {
  // A source with one fair bit per byte: after any of a, b comes either with probability 1/2.
  const CounterRng rng(/*seed=*/11, "bigram source");
  std::string text;
  for (uint64_t i = 0; i < 200'000; ++i) {
    text.push_back(rng.bits(i) % 2 == 0 ? 'a' : 'b');
  }
  const TokenDataset train = dataset_of({text.substr(0, 100'000)});
  const TokenDataset evaluated = dataset_of({text.substr(100'000)});
  EXPECT_NEAR(loss_of(train, evaluated, evaluated.num_windows()), std::log(2.0), 1e-3);
}

TEST(BigramTest, KnowsNothingOfTokensThatAreNoBytes) {
  const TokenDataset bytes = dataset_of({"abc"});
  TokenStream stream;
  stream.tokens = TokenArray({300, 301, 302});
  stream.document_starts = {0};
  std::vector<DataSource> sources;
  sources.push_back({"tokens", std::make_unique<StreamWindows>(std::move(stream), 4, false)});
  const TokenDataset words(std::move(sources), 4, /*seed=*/1);
  EXPECT_EQ(bigram_loss(words, bytes, 1), std::nullopt);
  EXPECT_EQ(bigram_loss(bytes, words, 1), std::nullopt);
}

TEST(BigramTest, RefusesAnEvaluationWithoutTargets) {
  const TokenDataset dataset = dataset_of({"abc"});
  expect_error<DataError>([&] { bigram_loss(dataset, dataset, 0); },
                          "evaluation: expected a target in the first 0 windows, found none");
}

}  // namespace
}  // namespace hecaton::recipes
