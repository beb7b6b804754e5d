// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "recipes/data/megatron_files.h"
#include "recipes/data/tokenizer.h"
#include "tests/recipes/cli/program.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

/// The first document of a data set.
std::string first_text(const std::string& prefix) {
  const TokenStream stream = read_megatron(prefix, ByteTokenizer::kVocabSize);
  std::vector<int64_t> ids(static_cast<size_t>(stream.document_end(0)));
  stream.tokens.copy(0, stream.document_end(0), ids.data());
  return ByteTokenizer().decode(ids);
}

TEST(TokenizeCommandTest, WritesADataSetThatTrainingReads) {
  const TemporaryFolder folder;
  write_bytes(folder / "in/a.txt", "The clock struck thirteen.");
  write_bytes(folder / "in/b.txt", std::string(300, 'b'));
  const ProgramResult result = run_program({"tokenize", folder / "in", "--output", folder / "set"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(result.output, "2 documents, 328 tokens, 656 bytes in " + (folder / "set") + ".bin\n");
  EXPECT_EQ(first_text(folder / "set"), "The clock struck thirteen.");
  const ProgramResult trained = run_program(
      tiny_training(folder / "run",
                    {"dataset.train=[{path: " + (folder / "set") + ", format: megatron}]",
                     "training.max_steps=1"}));
  EXPECT_EQ(trained.exit_code, 0) << trained.errors;
}

TEST(TokenizeCommandTest, ReadsTextOutOfLines) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.jsonl", "{\"body\": \"one\"}\n{\"body\": \"two\"}\n");
  const ProgramResult result = run_program({"tokenize",
                                            folder / "a.jsonl",
                                            "--format",
                                            "jsonl",
                                            "--key",
                                            "body",
                                            "--output",
                                            folder / "set"});
  EXPECT_EQ(result.output, "2 documents, 8 tokens, 16 bytes in " + (folder / "set") + ".bin\n");
  EXPECT_EQ(first_text(folder / "set"), "one");
}

TEST(TokenizeCommandTest, RefusesBadInputAndLeavesNothing) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.jsonl", "{\"text\": \"one\"}\n{}\n");
  const std::string output = folder / "set";
  const ProgramResult bad_line =
      run_program({"tokenize", folder / "a.jsonl", "--format", "jsonl", "--output", output});
  EXPECT_EQ(bad_line.exit_code, 3);
  EXPECT_EQ(bad_line.errors,
            "error: " + (folder / "a.jsonl") + ":2: text: expected text, found no such key\n");
  EXPECT_FALSE(std::filesystem::exists(output + ".bin"));
  EXPECT_FALSE(std::filesystem::exists(output + ".bin.tmp"));
  EXPECT_EQ(run_program({"tokenize", folder / "gone", "--output", output}).exit_code, 3);
  const ProgramResult bad_format =
      run_program({"tokenize", folder / "a.jsonl", "--format", "yaml", "--output", output});
  EXPECT_EQ(bad_format.exit_code, 2);
  EXPECT_EQ(bad_format.errors, "error: --format must be text or jsonl, found yaml\n");
  write_bytes(output + ".idx", "mine");
  const ProgramResult existing = run_program({"tokenize", folder / "a.jsonl", "--output", output});
  EXPECT_EQ(existing.exit_code, 2);
  EXPECT_EQ(existing.errors, "error: " + output + ".idx: exists and is not overwritten\n");
}

}  // namespace
}  // namespace hecaton::recipes
