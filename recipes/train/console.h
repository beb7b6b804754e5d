// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hecaton::recipes {

/// What the terminal shows of a training step.
struct StepReport {
  int64_t step = 0;
  int64_t max_steps = 0;
  double loss = 0.0;       ///< nats per trained token
  double grad_norm = 0.0;  ///< before clipping
  double lr = 0.0;
  int64_t tokens_per_s = 0;             ///< of all ranks together
  double memory_gib = 0.0;              ///< of this process
  std::optional<double> max_violation;  ///< (largest - mean) / mean expert load; empty: no experts
  std::optional<double> eta_s;          ///< seconds to the last step; empty: not known yet
};

/// What every console line matches (ECMAScript). Groups: step, max_steps, loss, grad, lr, tok/s,
/// mem, maxvio, eta. Scripts may rely on it.
constexpr char kConsoleLinePattern[] =
    R"(step (\d+)/(\d+) \| loss (-?(?:\d+\.\d{4}|inf|nan)) \| grad (-?(?:\d+\.\d\d|inf|nan)) )"
    R"(\| lr (\d\.\de[+-]\d+) \| tok/s ([\d,]+) \| mem (\d+\.\d) GiB )"
    R"(\| maxvio (-?(?:\d+\.\d\d|inf|nan)|-) \| eta (\d+d\d\dh|\d+h\d\dm|\d+m\d\ds|\d+s|-))";

/// One line, without its end: "step 120/1000 | loss 2.3412 | grad 0.91 | lr 1.9e-05 | tok/s 41,203
/// | mem 1.4 GiB | maxvio 0.42 | eta 1h12m". What is not known or does not apply is "-".
std::string console_line(const StepReport& report);

/// What a plot is drawn with. Braille shows eight dots per character, ASCII works everywhere.
enum class PlotCharacters { kBraille, kAscii };

/// What a terminal of this locale can show: ASCII if it names another character set than UTF-8.
/// locale: a value like that of LANG, "en_GB.UTF-8" or "C"; "" if none is set.
PlotCharacters plot_characters(std::string_view locale);

/// A curve for the terminal, axes labelled with the largest and smallest value drawn and the first
/// and last step. Points that share a column are averaged; those that are not finite are left out.
/// points:        (step, value), steps ascending.
/// width, height: of the whole drawing, in characters; raised to 24 and 5 if less.
/// Returns:       `height` lines, each with its end; "" if no point is finite.
std::string loss_plot(const std::vector<std::pair<int64_t, double>>& points,
                      int width,
                      int height,
                      PlotCharacters characters);

}  // namespace hecaton::recipes
