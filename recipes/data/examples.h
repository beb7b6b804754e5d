// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recipes/config/recipe.h"
#include "recipes/data/token_stream.h"

namespace hecaton::recipes {

/// How lines of JSON become examples.
struct ExampleOptions {
  DataFormat format = DataFormat::kPromptCompletion;  ///< that or kMessages
  TrainOn train_on = TrainOn::kAssistant;
  OverlongExamples overlong = OverlongExamples::kError;
  /// Tokens of an example, the document ends in it included. At least 2.
  int64_t max_tokens = 257;
};

/// Examples, each a document of its own, and what became of overlong ones.
struct ExampleSet {
  TokenStream stream;
  int64_t num_cut = 0;      ///< lost tokens at their end
  int64_t num_dropped = 0;  ///< left out: overlong, or cut and nothing to train on was left
};

/// Reads fine-tuning examples from files of JSON lines, as byte tokens.
///
/// Formats:     prompt_completion is {"prompt": text, "completion": text}; messages is
///              {"messages": [{"role": "system" | "user" | "assistant" | "tool", "content":
///              text}]}. Other keys of a line are passed over, but `tools`; those of a message are
///              refused unless they are null.
/// Layout:      prompt, completion, document end. A message is "<|ROLE|>\n", its content and, if it
///              is the assistant's, the document end, else "\n".
/// Trained on:  kAssistant: completions, the contents of the assistant's messages, and the document
///              end after each; kCompletion: the same, but only of the last such message; kAll:
///              every token but the first.
/// Errors:      DataError naming file and line of the first fault.
ExampleSet read_examples(const std::vector<std::string>& paths, const ExampleOptions& options);

}  // namespace hecaton::recipes
