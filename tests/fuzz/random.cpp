// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/fuzz/random.h"

#include <array>
#include <limits>

namespace hecaton::fuzz {

int64_t hostile_number(Random& random) {
  constexpr std::array<int64_t, 6> kEnds = {std::numeric_limits<int64_t>::min(),
                                            std::numeric_limits<int64_t>::max(),
                                            std::numeric_limits<int32_t>::min(),
                                            std::numeric_limits<int32_t>::max(),
                                            -1,
                                            -2};
  switch (random.below(4)) {
    case 0:
      return random.any_of(kEnds);
    case 1:
      return static_cast<int64_t>(random.below(20));
    default:
      return (int64_t{1} << random.below(63)) - static_cast<int64_t>(random.below(2));
  }
}

void mutate_bytes(std::string& bytes, Random& random) {
  const size_t place = random.below(bytes.size() + 1);
  const auto byte = static_cast<char>(random.below(256));
  if (random.one_in(3) || place == bytes.size()) {
    bytes.insert(place, 1, byte);
  } else if (random.one_in(3)) {
    bytes.erase(place, 1 + random.below(8));
  } else if (random.one_in(3)) {
    bytes.insert(random.below(bytes.size()), bytes.substr(place, 1 + random.below(32)));
  } else {
    bytes[place] = byte;
  }
}

}  // namespace hecaton::fuzz
