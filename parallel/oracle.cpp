// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/oracle.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <mutex>
#include <sstream>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include "core/error.h"
#include "parallel/detail/same_bits.h"
#include "parallel/threads.h"

namespace hecaton::parallel {
namespace {

using Values = std::map<std::string, at::Tensor>;

/// What the ranks of one layout hold together.
Values run_layout(const OracleJob& job, const Layout& layout) {
  Values merged;
  std::mutex mutex;
  run_ranks(static_cast<int>(layout.dp), [&](std::shared_ptr<Communicator> world) {
    Mesh mesh(std::move(world), layout.ep);
    const OracleRecord record = job(mesh);
    const std::lock_guard<std::mutex> lock(mutex);
    for (const auto& [name, value] : record.values()) {
      const auto [place, is_new] = merged.emplace(name, value);
      if (!is_new && !detail::has_same_bits(place->second, value)) {
        throw NumericError("replicas differ under " + layout.name() + ": " + name);
      }
    }
  });
  return merged;
}

void check_names(const Values& values, const Values& reference, const Layout& layout) {
  for (const auto& [name, value] : reference) {
    if (values.count(name) == 0) {
      throw NumericError("layout " + layout.name() + " lacks " + name);
    }
  }
  for (const auto& [name, value] : values) {
    if (reference.count(name) == 0) {
      throw NumericError("layout " + layout.name() + " adds " + name);
    }
  }
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1e", value);
  return text;
}

}  // namespace

std::string Layout::name() const {
  return "dp" + std::to_string(dp) + " ep" + std::to_string(ep);
}

void OracleRecord::add(const std::string& name, const at::Tensor& value) {
  if (!values_.emplace(name, value.detach().clone()).second) {
    throw InternalError("recorded twice: " + name);
  }
}

double OracleReport::worst_error() const {
  double largest = 0.0;
  for (const auto& [quantity, error] : worst) {
    largest = std::max(largest, error.error);
  }
  return largest;
}

void OracleReport::merge(const OracleReport& other) {
  num_layouts += other.num_layouts;
  for (const auto& [quantity, error] : other.worst) {
    OracleError& known = worst[quantity];
    if (known.name.empty() || error.error > known.error) {
      known = error;
    }
  }
}

std::string OracleReport::text() const {
  size_t quantity_width = 0;
  size_t layout_width = 0;
  for (const auto& [quantity, error] : worst) {
    quantity_width = std::max(quantity_width, quantity.size());
    layout_width = std::max(layout_width, error.layout.size());
  }
  const auto padded = [](const std::string& text, size_t width) {
    return text + std::string(width + 2 - text.size(), ' ');
  };
  std::ostringstream out;
  for (const auto& [quantity, error] : worst) {
    out << padded(quantity, quantity_width) << short_number(error.error) << "  "
        << padded(error.layout, layout_width) << error.name << "\n";
  }
  out << "worst relative error " << short_number(worst_error()) << " over " << num_layouts
      << " layouts";
  return out.str();
}

std::vector<Layout> layouts_up_to(int64_t max_ranks, int64_t num_experts) {
  std::vector<Layout> layouts;
  for (int64_t dp = 1; dp <= max_ranks; dp *= 2) {
    for (int64_t ep = 1; ep <= dp; ep *= 2) {
      if (num_experts % ep == 0) {
        layouts.push_back({dp, ep});
      }
    }
  }
  return layouts;
}

double relative_error(const at::Tensor& value, const at::Tensor& reference) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (value.sizes() != reference.sizes() || value.scalar_type() != reference.scalar_type()) {
    return kInfinity;
  }
  if (!reference.is_floating_point() || reference.numel() == 0) {
    return at::equal(value, reference) ? 0.0 : kInfinity;
  }
  const auto scale = reference.abs().max().item<double>();
  const auto distance = (value - reference).abs().max().item<double>();
  if (scale == 0.0) {
    return distance == 0.0 ? 0.0 : kInfinity;
  }
  // Written so that NaN counts as an infinite error.
  return distance <= std::numeric_limits<double>::max() ? distance / scale : kInfinity;
}

OracleReport compare_layouts(const OracleJob& job, const std::vector<Layout>& layouts) {
  const Values reference = run_layout(job, Layout{});
  OracleReport report;
  report.num_layouts = static_cast<int64_t>(layouts.size());
  for (const Layout& layout : layouts) {
    const Values values = run_layout(job, layout);
    check_names(values, reference, layout);
    for (const auto& [name, value] : values) {
      const std::string quantity = name.substr(0, name.find('/'));
      const double error = relative_error(value, reference.at(name));
      OracleError& worst = report.worst[quantity];
      if (worst.name.empty() || error > worst.error) {
        worst = {quantity, name, layout.name(), error};
      }
    }
  }
  return report;
}

}  // namespace hecaton::parallel
