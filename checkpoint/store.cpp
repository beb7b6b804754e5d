// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/store.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

#include "checkpoint/detail/agreement.h"
#include "checkpoint/detail/folder.h"
#include "checkpoint/file_io.h"
#include "checkpoint/step_folder.h"
#include "core/error.h"
#include "core/log.h"

namespace hecaton::checkpoint {

Store::Store(std::string run_folder, std::shared_ptr<parallel::Communicator> world)
    : run_folder_(std::move(run_folder)), world_(std::move(world)) {}

std::string Store::path_of(int64_t step) const {
  return run_folder_ + "/" + step_folder_name(step);
}

std::vector<int64_t> Store::steps_newest_first() const {
  // One rank looks, so that all open the same one.
  const std::vector<std::string> lists = detail::agree(*world_, [&] {
    std::string list;
    if (world_->rank() == 0) {
      for (const int64_t step : complete_steps(run_folder_)) {
        list.insert(0, std::to_string(step) + " ");
      }
    }
    return list;
  });
  std::istringstream list(lists.front());
  return {std::istream_iterator<int64_t>(list), std::istream_iterator<int64_t>()};
}

std::optional<Checkpoint> Store::open_newest() const {
  const std::vector<int64_t> steps = steps_newest_first();
  if (steps.empty()) {
    return std::nullopt;
  }
  try {
    return Checkpoint(path_of(steps.front()), world_);
  } catch (const CheckpointError& error) {
    if (steps.size() == 1) {
      throw;
    }
    throw CheckpointError(std::string(error.what()) + "; the one before it is " +
                          step_folder_name(steps[1]));
  }
}

void Store::remove_old(int64_t max_kept, const std::vector<int64_t>& protected_steps) const {
  if (max_kept == 0 || world_->rank() != 0) {
    return;
  }
  try {
    std::vector<int64_t> steps = complete_steps(run_folder_);
    auto num_kept = static_cast<int64_t>(steps.size());
    steps.resize(steps.empty() ? 0 : steps.size() - 1);  // never the newest
    for (const int64_t step : steps) {
      const auto found = std::find(protected_steps.begin(), protected_steps.end(), step);
      if (num_kept > max_kept && found == protected_steps.end()) {
        // Renamed first: whenever this is interrupted, a step folder is a whole checkpoint.
        const std::string doomed = detail::unique_name(path_of(step), detail::kUnfinished);
        rename_durably(path_of(step), doomed);
        detail::remove_folder(doomed);
        --num_kept;
      }
    }
  } catch (const IoError& error) {
    log_warn(std::string("old checkpoints are left: ") + error.what());
  }
}

void Store::set_aside_after(int64_t step) const {
  const auto set_aside = [&] {
    std::vector<int64_t> steps = complete_steps(run_folder_);
    if (steps.empty() || steps.back() <= step) {
      return;
    }
    // First, so that it never names a folder that is gone.
    if (std::binary_search(steps.begin(), steps.end(), step)) {
      write_file(run_folder_ + "/latest", step_folder_name(step) + "\n");
    }
    for (; !steps.empty() && steps.back() > step; steps.pop_back()) {
      const std::string aside = detail::unique_name(path_of(steps.back()), "aside");
      rename_durably(path_of(steps.back()), aside);
      log_info("set aside: " + aside);
    }
  };
  detail::agree(*world_, [&] {
    if (world_->rank() == 0) {
      set_aside();
    }
    return "";
  });
}

}  // namespace hecaton::checkpoint
