// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <sstream>
#include <string>
#include <string_view>

#include "core/error.h"

namespace hecaton::detail {

/// "text: a=1 b=2", or "text" alone when no values are given.
template <typename A, typename B>
std::string check_text(std::string_view text,
                       std::string_view a_name,
                       const A& a,
                       std::string_view b_name,
                       const B& b) {
  std::ostringstream out;
  out << text << ": " << a_name << "=" << a << " " << b_name << "=" << b;
  return out.str();
}

}  // namespace hecaton::detail

/// Always on. Throws InternalError: use it for what only a bug of ours can break. Rule first,
/// values last: HECATON_CHECK_EQ(num_rows, num_slots, "every slot must have a row").
#define HECATON_CHECK(condition, text)                                     \
  do {                                                                     \
    if (!(condition)) {                                                    \
      throw ::hecaton::InternalError(std::string(text) + ": " #condition); \
    }                                                                      \
  } while (false)

#define HECATON_CHECK_OP(a, op, b, text)                                      \
  do {                                                                        \
    const auto& hecaton_a = (a);                                              \
    const auto& hecaton_b = (b);                                              \
    if (!(hecaton_a op hecaton_b)) {                                          \
      throw ::hecaton::InternalError(                                         \
          ::hecaton::detail::check_text(text, #a, hecaton_a, #b, hecaton_b)); \
    }                                                                         \
  } while (false)

#define HECATON_CHECK_EQ(a, b, text) HECATON_CHECK_OP(a, ==, b, text)
#define HECATON_CHECK_LT(a, b, text) HECATON_CHECK_OP(a, <, b, text)
#define HECATON_CHECK_LE(a, b, text) HECATON_CHECK_OP(a, <=, b, text)
#define HECATON_CHECK_GE(a, b, text) HECATON_CHECK_OP(a, >=, b, text)

/// For hot loops: on in Debug builds and under the sanitizers, gone elsewhere.
#if !defined(NDEBUG) || defined(HECATON_DCHECK_ENABLED)
#define HECATON_DCHECK(condition, text) HECATON_CHECK(condition, text)
#else
#define HECATON_DCHECK(condition, text) static_cast<void>(0)
#endif
