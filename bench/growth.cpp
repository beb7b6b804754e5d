// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// How cost grows: growth [--rounds N] [--threads N]
//
// Sweeps one size with all others fixed, the points in turns within each round, and compares the
// slope of the medians in log-log (or a ratio of two) with its target. Prints a table on standard
// error and JSON lines on standard output; the last one is the summary. Routing is forced:
// balanced, token t at experts t * K, t * K + 1, ... unless a row says otherwise.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <hecaton/core/held_memory.h>
#include <hecaton/kernels/cpu_kind.h>
#include <hecaton/kernels/grouping.h>
#include <hecaton/kernels/topk.h>
#include <hecaton/moe/moe_layer.h>
#include <hecaton/recipes/train/host.h>
#include <hecaton/version.h>
#include <nlohmann/json.hpp>

namespace {

namespace kernels = hecaton::kernels;
namespace moe = hecaton::moe;
using Json = nlohmann::ordered_json;

double time_ms(const std::function<void()>& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

struct Times {
  double min_ms = 0.0;
  double median_ms = 0.0;
  double max_ms = 0.0;
};

Times summarise(std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  return {ms.front(), ms[ms.size() / 2], ms.back()};
}

/// One size of a sweep and the work there.
struct Point {
  double size = 0.0;
  std::function<void()> run;
};

/// What each point's work takes; short work is repeated within a measurement.
std::vector<Times> measure(const std::vector<Point>& points, int64_t num_rounds) {
  constexpr double kMinMs = 5.0;
  std::vector<int64_t> num_repeats;
  for (const Point& point : points) {
    point.run();
    const double ms = time_ms(point.run);
    num_repeats.push_back(static_cast<int64_t>(std::ceil(kMinMs / std::max(ms, 1e-3))));
  }
  std::vector<std::vector<double>> ms(points.size());
  for (int64_t round = 0; round < num_rounds; ++round) {
    for (size_t i = 0; i < points.size(); ++i) {
      const double total = time_ms([&] {
        for (int64_t repeat = 0; repeat < num_repeats[i]; ++repeat) {
          points[i].run();
        }
      });
      ms[i].push_back(total / static_cast<double>(num_repeats[i]));
    }
  }
  std::vector<Times> times;
  times.reserve(ms.size());
  for (const std::vector<double>& values : ms) {
    times.push_back(summarise(values));
  }
  return times;
}

/// The least-squares slope of log(median) over log(size).
double slope(const std::vector<Point>& points, const std::vector<Times>& times) {
  double mean_x = 0.0;
  double mean_y = 0.0;
  const auto count = static_cast<double>(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    mean_x += std::log(points[i].size) / count;
    mean_y += std::log(times[i].median_ms) / count;
  }
  double xy = 0.0;
  double xx = 0.0;
  for (size_t i = 0; i < points.size(); ++i) {
    const double x = std::log(points[i].size) - mean_x;
    xy += x * (std::log(times[i].median_ms) - mean_y);
    xx += x * x;
  }
  return xy / xx;
}

/// Prints rows as they come and gathers the summary.
class Report {
 public:
  explicit Report(int64_t num_rounds) : num_rounds_(num_rounds) {
    std::cerr << std::left << std::setw(44) << "quantity" << std::setw(34) << "range"
              << std::setw(12) << "kind" << std::right << std::setw(8) << "found" << std::setw(10)
              << "target"
              << "\n";
  }

  int64_t num_rounds() const { return num_rounds_; }

  /// detail: what was measured at each point.
  void add(const std::string& quantity,
           const std::string& range,
           const std::string& kind,
           double found,
           double target,
           const Json& detail) {
    const bool is_met = found <= target;
    std::cerr << std::left << std::setw(44) << quantity << std::setw(34) << range << std::setw(12)
              << kind << std::right << std::fixed << std::setprecision(3) << std::setw(8) << found
              << std::setw(10) << target << (is_met ? "" : "  missed") << "\n";
    std::cout << Json{{"bench", "growth"},
                      {"case", {{"quantity", quantity}, {"range", range}}},
                      {kind, found},
                      {"target", target},
                      {"is_met", is_met},
                      {"points", detail},
                      {"machine",
                       {{"cpu", hecaton::recipes::cpu_name()},
                        {"kind", kernels::cpu_kind_name(kernels::cpu_kind())},
                        {"threads", at::get_num_threads()}}},
                      {"version", HECATON_VERSION_STRING}}
              << std::endl;
    ++num_rows_;
    num_met_ += is_met ? 1 : 0;
  }

  void add_slope(const std::string& quantity,
                 const std::string& range,
                 const std::vector<Point>& points,
                 double target) {
    const std::vector<Times> times = measure(points, num_rounds_);
    add(quantity, range, "slope", slope(points, times), target, detail(points, times));
  }

  /// The last point's time over the first one's.
  void add_ratio(const std::string& quantity,
                 const std::string& range,
                 const std::vector<Point>& points,
                 double target) {
    const std::vector<Times> times = measure(points, num_rounds_);
    const double ratio = times.back().median_ms / times.front().median_ms;
    add(quantity, range, "ratio", ratio, target, detail(points, times));
  }

  bool finish() const {
    std::cout << Json{{"summary", {{"rows", num_rows_}, {"met", num_met_}}}} << std::endl;
    return num_rows_ == num_met_;
  }

 private:
  static Json detail(const std::vector<Point>& points, const std::vector<Times>& times) {
    Json json = Json::array();
    for (size_t i = 0; i < points.size(); ++i) {
      json.push_back(
          {{"size", points[i].size},
           {"ms",
            {{"min", times[i].min_ms}, {"median", times[i].median_ms}, {"max", times[i].max_ms}}}});
    }
    return json;
  }

  int64_t num_rounds_;
  int64_t num_rows_ = 0;
  int64_t num_met_ = 0;
};

// -- kernels ---------------------------------------------------------------------------------

std::function<void()> grouping_of(int64_t T, int64_t K, int64_t E) {
  const at::Tensor expert_idx_TK = at::randint(E, {T, K}, at::kInt);
  return [expert_idx_TK, E] { kernels::group_by_expert(expert_idx_TK, E); };
}

std::function<void()> topk_of(int64_t T, int64_t K, int64_t E) {
  const at::Tensor score_TE = at::randn({T, E});
  return [score_TE, K] { kernels::topk(score_TE, K); };
}

using MakeWork = std::function<void()> (*)(int64_t T, int64_t K, int64_t E);

std::vector<Point> over_experts(MakeWork make) {
  std::vector<Point> points;
  for (int64_t E = 16; E <= 512; E *= 2) {
    points.push_back({static_cast<double>(E), make(/*T=*/4096, /*K=*/8, E)});
  }
  return points;
}

std::vector<Point> over_tokens(MakeWork make) {
  std::vector<Point> points;
  for (int64_t T = 1024; T <= 32768; T *= 2) {
    points.push_back({static_cast<double>(T), make(T, /*K=*/8, /*E=*/128)});
  }
  return points;
}

// -- the layer -------------------------------------------------------------------------------

struct LayerShape {
  int64_t T, D, F, E, K;
  at::ScalarType dtype;
};

at::Tensor balanced(const LayerShape& shape) {
  return at::arange(shape.T * shape.K, at::kInt).remainder(shape.E).view({shape.T, shape.K});
}

/// Expert 0 gets four times the mean load, the others share the rest evenly.
at::Tensor skewed(const LayerShape& shape) {
  const int64_t num_slots = shape.T * shape.K;
  const int64_t num_hot = 4 * num_slots / shape.E;  // at most one slot of each token
  at::Tensor expert_idx_TK =
      at::arange(num_slots, at::kInt).remainder(shape.E - 1).add(1).view({shape.T, shape.K});
  expert_idx_TK.select(1, 0).narrow(0, 0, num_hot).zero_();
  return expert_idx_TK;
}

/// Forward and backward, gradients of the experts into sinks.
class LayerWork {
 public:
  LayerWork(const LayerShape& shape, const at::Tensor& expert_idx_TK)
      : layer_(
            moe::MoeLayerConfig{.hidden_size = shape.D,
                                .moe_intermediate_size = shape.F,
                                .router = {.num_experts = shape.E, .num_experts_per_tok = shape.K},
                                .dtype = shape.dtype}),
        x_TD_(at::randn({shape.T, shape.D}).to(shape.dtype).requires_grad_()),
        dy_TD_(at::randn({shape.T, shape.D}).to(shape.dtype)) {
    for (const at::Tensor& weight : layer_->experts().weights().tensors) {
      sinks_.emplace_back(at::zeros(weight.sizes(), at::kFloat));
    }
    layer_->experts().set_grad_sinks(sinks_);
    routing_.expert_idx_TK = expert_idx_TK;
    context_.replay = &routing_;
  }

  void run() {
    for (hecaton::GradSink& sink : sinks_) {
      sink.make_blank();
    }
    layer_->forward(x_TD_, context_).backward(dy_TD_);
    x_TD_.mutable_grad().reset();
  }

  /// Bytes of the experts' weights and of what a forward keeps for backward.
  int64_t bytes_for_backward() {
    layer_->forward(x_TD_, context_);  // statistics of the last forward are there from now on
    const hecaton::HeldMemory memory;
    const at::Tensor y_TD = layer_->forward(x_TD_, context_);
    int64_t num_bytes = memory.num_bytes() + static_cast<int64_t>(x_TD_.nbytes()) -
                        static_cast<int64_t>(y_TD.nbytes());
    for (const at::Tensor& weight : layer_->experts().weights().tensors) {
      num_bytes += static_cast<int64_t>(weight.nbytes());
    }
    return num_bytes;
  }

 private:
  moe::MoeLayer layer_;
  std::vector<hecaton::GradSink> sinks_;
  moe::Routing routing_;
  moe::RoutingContext context_;
  at::Tensor x_TD_;
  at::Tensor dy_TD_;
};

Point layer_point(double size, const LayerShape& shape, const at::Tensor& expert_idx_TK) {
  auto work = std::make_shared<LayerWork>(shape, expert_idx_TK);
  return {size, [work] { work->run(); }};
}

std::string name_of(const std::string& quantity, at::ScalarType dtype) {
  return quantity + (dtype == at::kFloat ? ", float32" : ", bfloat16");
}

void report_layer(Report& report, at::ScalarType dtype) {
  std::vector<Point> experts;
  for (int64_t E = 8; E <= 256; E *= 2) {
    const LayerShape shape{.T = 4096, .D = 512, .F = 256, .E = E, .K = 8, .dtype = dtype};
    experts.push_back(layer_point(static_cast<double>(E), shape, balanced(shape)));
  }
  report.add_ratio(name_of("layer over E at fixed T*K, I", dtype),
                   "E 8 to 256, 128 rows or more",
                   experts,
                   1.25);
  experts.clear();
  for (const int64_t K : {2, 4}) {
    const int64_t F = 2048 / K;
    const LayerShape coarse{.T = 4096, .D = 512, .F = F, .E = 8 * K, .K = K, .dtype = dtype};
    LayerShape fine = coarse;
    fine.F /= 4;
    fine.E *= 4;
    fine.K *= 4;
    std::ostringstream range;
    range << "K " << coarse.K << " to " << fine.K << ", I " << coarse.F << " to " << fine.F;
    // A loss of a fifth of the rate is 1.25 times the time.
    report.add_ratio(name_of("layer at fixed K*I", dtype),
                     range.str(),
                     {layer_point(static_cast<double>(coarse.K), coarse, balanced(coarse)),
                      layer_point(static_cast<double>(fine.K), fine, balanced(fine))},
                     1.25);
    const auto bytes = [](const LayerShape& shape) {
      return LayerWork(shape, balanced(shape)).bytes_for_backward();
    };
    const int64_t coarse_bytes = bytes(coarse);
    const int64_t fine_bytes = bytes(fine);
    report.add(
        name_of("memory at fixed K*I, with weights", dtype),
        range.str(),
        "ratio",
        static_cast<double>(fine_bytes) / static_cast<double>(coarse_bytes),
        1.02,
        {{{"size", coarse.K}, {"bytes", coarse_bytes}}, {{"size", fine.K}, {"bytes", fine_bytes}}});
  }
  const LayerShape shape{.T = 4096, .D = 512, .F = 256, .E = 64, .K = 8, .dtype = dtype};
  report.add_ratio(
      name_of("layer under skew", dtype),
      "hottest expert 1 to 4 times mean",
      {layer_point(1.0, shape, balanced(shape)), layer_point(4.0, shape, skewed(shape))},
      1.15);
}

}  // namespace

int main(int argc, char** argv) {
  int64_t num_rounds = 7;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--rounds") {
      num_rounds = std::stoll(argv[i + 1]);
    } else if (name == "--threads") {
      at::set_num_threads(std::stoi(argv[i + 1]));
    } else {
      argc = 0;
    }
  }
  if (argc % 2 == 0 || num_rounds < 1) {
    std::cerr << "usage: growth [--rounds N] [--threads N]\n";
    return 2;
  }
  Report report(num_rounds);
  report.add_slope("grouping over E", "E 16 to 512", over_experts(grouping_of), 0.1);
  report.add_slope("top-k over E", "E 16 to 512", over_experts(topk_of), 0.65);
  report.add_slope("grouping over T", "T 1k to 32k", over_tokens(grouping_of), 1.05);
  report.add_slope("top-k over T", "T 1k to 32k", over_tokens(topk_of), 1.05);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    report_layer(report, dtype);
  }
  return report.finish() ? 0 : 1;
}
