// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/shapes.h"

#include <sstream>

#include "core/error.h"

namespace hecaton {
namespace {

template <typename Sizes>
std::string sizes_text(const Sizes& sizes) {
  std::ostringstream out;
  out << "[";
  const char* separator = "";
  for (const int64_t size : sizes) {
    out << separator;
    separator = ", ";
    if (size < 0) {
      out << "*";
    } else {
      out << size;
    }
  }
  out << "]";
  return out.str();
}

}  // namespace

void check_shape(const std::string& name,
                 const at::Tensor& tensor,
                 std::initializer_list<int64_t> expected) {
  bool is_same = tensor.defined() && tensor.dim() == static_cast<int64_t>(expected.size());
  int64_t dim = 0;
  for (const int64_t size : expected) {
    is_same = is_same && (size < 0 || tensor.size(dim) == size);
    ++dim;
  }
  if (!is_same) {
    throw ShapeError(name + " has the wrong shape: expected " + sizes_text(expected) + " found " +
                     (tensor.defined() ? sizes_text(tensor.sizes()) : "no tensor"));
  }
}

void check_dtype(const std::string& name, const at::Tensor& tensor, at::ScalarType expected) {
  if (!tensor.defined() || tensor.scalar_type() != expected) {
    throw ShapeError(name + " has the wrong dtype: expected " + c10::toString(expected) +
                     " found " +
                     (tensor.defined() ? c10::toString(tensor.scalar_type()) : "no tensor"));
  }
}

int64_t checked_mul(int64_t a, int64_t b) {
  int64_t product = 0;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) {
    throw ShapeError("size does not fit into 63 bits: " + std::to_string(a) + " * " +
                     std::to_string(b));
  }
  return product;
}

int64_t num_elements(at::IntArrayRef sizes) {
  int64_t product = 1;
  for (const int64_t size : sizes) {
    product = checked_mul(product, size);
  }
  return product;
}

}  // namespace hecaton
