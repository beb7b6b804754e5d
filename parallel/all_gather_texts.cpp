// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/all_gather_texts.h"

#include <algorithm>
#include <cstdint>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

namespace hecaton::parallel {

std::vector<std::string> all_gather_texts(Communicator& group, const std::string& text) {
  const at::TensorOptions counts = at::TensorOptions().dtype(at::kLong);
  const at::TensorOptions bytes = at::TensorOptions().dtype(at::kByte);
  at::Tensor lengths = at::empty({group.size()}, counts);
  group.all_gather(at::full({1}, static_cast<int64_t>(text.size()), counts), lengths);
  const auto* length = lengths.const_data_ptr<int64_t>();
  const int64_t longest = *std::max_element(length, length + group.size());

  at::Tensor own = at::full({longest}, 0, bytes);  // every rank sends as much as the longest
  std::copy(text.begin(), text.end(), own.data_ptr<uint8_t>());
  at::Tensor all = at::empty({longest * group.size()}, bytes);
  group.all_gather(own, all);

  std::vector<std::string> texts;
  texts.reserve(static_cast<size_t>(group.size()));
  for (int rank = 0; rank < group.size(); ++rank) {
    const uint8_t* begin = all.const_data_ptr<uint8_t>() + rank * longest;
    texts.emplace_back(begin, begin + length[rank]);
  }
  return texts;
}

}  // namespace hecaton::parallel
