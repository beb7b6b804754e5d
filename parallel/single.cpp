// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/single.h"

#include <utility>

#include "core/error.h"
#include "parallel/detail/collective.h"
#include "parallel/detail/host_communicator.h"

namespace hecaton::parallel {
namespace {

class SingleCommunicator final : public HostCommunicator {
 public:
  SingleCommunicator(std::string axis, std::shared_ptr<FlightRecorder> recorder)
      : HostCommunicator(0, 1, std::move(axis), std::move(recorder)) {}

  std::string backend() const override { return "single"; }
  NodePlace node_place() const override { return {}; }

 protected:
  Handle start(Collective collective) override {
    throw InternalError(collective.text() + ": a group of one has no messages");
  }

  std::shared_ptr<Communicator> make_group(int /*color*/, const std::string& axis) override {
    return std::make_shared<SingleCommunicator>(axis, shared_recorder());
  }
};

}  // namespace

std::shared_ptr<Communicator> make_single(std::string axis) {
  return std::make_shared<SingleCommunicator>(std::move(axis), std::make_shared<FlightRecorder>());
}

}  // namespace hecaton::parallel
