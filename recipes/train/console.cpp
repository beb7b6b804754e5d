// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/console.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <iterator>

#include "recipes/train/number_text.h"

namespace hecaton::recipes {
namespace {

/// A field of dots behind the characters of a plot.
class Canvas {
 public:
  Canvas(int num_columns, int num_rows, PlotCharacters characters)
      : is_braille_(characters == PlotCharacters::kBraille),
        num_columns_(num_columns),
        width_(num_columns * (is_braille_ ? 2 : 1)),
        height_(num_rows * (is_braille_ ? 4 : 1)),
        dots_(static_cast<size_t>(width_ * height_), false) {}

  int width() const { return width_; }
  int height() const { return height_; }

  void draw_line(int x0, int y0, int x1, int y1) {
    const int num_steps = std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1});
    for (int i = 0; i <= num_steps; ++i) {
      const double share = static_cast<double>(i) / num_steps;
      const auto x = static_cast<int>(std::lround(x0 + share * (x1 - x0)));
      const auto y = static_cast<int>(std::lround(y0 + share * (y1 - y0)));
      dots_[static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x)] = true;
    }
  }

  std::string row(int row) const {
    std::string text;
    for (int column = 0; column < num_columns_; ++column) {
      text += is_braille_ ? braille(column, row) : (has_dot(column, row) ? "*" : " ");
    }
    return text;
  }

 private:
  bool has_dot(int x, int y) const {
    return dots_[static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x)];
  }

  std::string braille(int column, int row) const {
    // Unicode numbers the dots of a braille cell down the left column, down the right one, and the
    // bottom row last: https://www.unicode.org/charts/PDF/U2800.pdf
    constexpr unsigned kDotBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    unsigned bits = 0;
    for (int y = 0; y < 4; ++y) {
      for (int x = 0; x < 2; ++x) {
        bits |= has_dot(2 * column + x, 4 * row + y) ? kDotBits[y][x] : 0U;
      }
    }
    if (bits == 0) {
      return " ";
    }
    // U+2800 + bits in UTF-8.
    return {'\xE2', static_cast<char>(0xA0 | (bits >> 6)), static_cast<char>(0x80 | (bits & 0x3F))};
  }

  bool is_braille_;
  int num_columns_;
  int width_;
  int height_;
  std::vector<bool> dots_;
};

/// Mean value of the points in one column of dots.
struct ColumnMean {
  int column = 0;
  double sum = 0.0;
  int count = 0;

  double mean() const { return sum / count; }
};

std::vector<ColumnMean> column_means(const std::vector<std::pair<int64_t, double>>& points,
                                     int num_columns) {
  std::vector<ColumnMean> means;
  const int64_t first = points.front().first;
  const int64_t num_steps = std::max<int64_t>(points.back().first - first, 1);
  for (const auto& [step, value] : points) {
    const double share = static_cast<double>(step - first) / static_cast<double>(num_steps);
    const auto column = static_cast<int>(std::lround(share * (num_columns - 1)));
    if (means.empty() || means.back().column != column) {
      means.push_back({column});
    }
    means.back().sum += value;
    ++means.back().count;
  }
  return means;
}

void draw_curve(const std::vector<ColumnMean>& means,
                double lowest,
                double highest,
                Canvas& canvas) {
  // A flat curve runs along the middle.
  const auto y_of = [&](const ColumnMean& column) {
    const double share = highest > lowest ? (highest - column.mean()) / (highest - lowest) : 0.5;
    return static_cast<int>(std::lround(share * (canvas.height() - 1)));
  };
  const ColumnMean* previous = &means.front();
  for (const ColumnMean& column : means) {
    canvas.draw_line(previous->column, y_of(*previous), column.column, y_of(column));
    previous = &column;
  }
}

std::string padded(const std::string& text, size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

}  // namespace

PlotCharacters plot_characters(std::string_view locale) {
  std::string name;
  for (const char c : locale) {
    if (c != '-') {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return name.empty() || name.find("utf8") != std::string::npos ? PlotCharacters::kBraille
                                                                : PlotCharacters::kAscii;
}

std::string console_line(const StepReport& report) {
  return "step " + std::to_string(report.step) + "/" + std::to_string(report.max_steps) +
         " | loss " + fixed(report.loss, 4) + " | grad " + fixed(report.grad_norm, 2) + " | lr " +
         scientific(report.lr, 1) + " | tok/s " + with_commas(report.tokens_per_s) + " | mem " +
         fixed(report.memory_gib, 1) + " GiB | maxvio " +
         (report.max_violation ? fixed(*report.max_violation, 2) : "-") + " | eta " +
         (report.eta_s ? duration(*report.eta_s) : "-");
}

std::string loss_plot(const std::vector<std::pair<int64_t, double>>& points,
                      int width,
                      int height,
                      PlotCharacters characters) {
  std::vector<std::pair<int64_t, double>> finite;
  std::copy_if(points.begin(), points.end(), std::back_inserter(finite), [](const auto& point) {
    return std::isfinite(point.second);
  });
  if (finite.empty()) {
    return "";
  }
  constexpr int kLabelWidth = 9;  // of "1234.5678"
  const int num_columns = std::max(width, 24) - kLabelWidth - 2;
  const int num_rows = std::max(height, 5) - 2;
  Canvas canvas(num_columns, num_rows, characters);
  const std::vector<ColumnMean> means = column_means(finite, canvas.width());
  const auto [lowest, highest] = std::minmax_element(
      means.begin(), means.end(), [](const auto& a, const auto& b) { return a.mean() < b.mean(); });
  draw_curve(means, lowest->mean(), highest->mean(), canvas);

  const bool is_braille = characters == PlotCharacters::kBraille;
  std::string plot;
  for (int row = 0; row < num_rows; ++row) {
    std::string label = row == 0 ? fixed(highest->mean(), 4) : "";
    label = row == num_rows - 1 ? fixed(lowest->mean(), 4) : label;
    plot += padded(label, kLabelWidth) + " " + (is_braille ? "│" : "|") + canvas.row(row) + "\n";
  }
  plot += padded("", kLabelWidth + 1) + (is_braille ? "└" : "+");
  for (int column = 0; column < num_columns; ++column) {
    plot += is_braille ? "─" : "-";
  }
  const std::string first_step = std::to_string(finite.front().first);
  const std::string last_step = std::to_string(finite.back().first);
  plot += "\n" + padded("", kLabelWidth + 2) + first_step +
          padded(last_step, static_cast<size_t>(num_columns) - first_step.size()) + "\n";
  return plot;
}

}  // namespace hecaton::recipes
