// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <stdexcept>
#include <string>

namespace hecaton {

/// Base of every exception that Hecaton throws. The text is one line: what, where (file, key,
/// tensor or rank), expected, found; the faults of a configuration come together, one a line. The
/// command line turns each kind into an exit code, in one place.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& text) : std::runtime_error(text) {}
};

/// Bad configuration or arguments; exit code 2.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// A tensor of the wrong shape, dtype or device was passed in; exit code 2.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A data file is missing or malformed; exit code 3.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A checkpoint or model file is missing, malformed or does not fit; exit code 4.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// A non-finite value, or replicas that differ; exit code 5.
class NumericError : public Error {
 public:
  using Error::Error;
};

/// A peer was lost, or ranks disagree about a collective; exit code 6.
class CommError : public Error {
 public:
  using Error::Error;
};

/// Another rank failed and reports it; this one has nothing to add. Exit code 6.
class PeerFailure : public CommError {
 public:
  using CommError::CommError;
};

/// A file could not be written: full, read-only, failed write, fsync or rename; exit code 7.
class IoError : public Error {
 public:
  using Error::Error;
};

/// A bug of ours or a device fault; exit code 1.
class InternalError : public Error {
 public:
  using Error::Error;
};

}  // namespace hecaton
