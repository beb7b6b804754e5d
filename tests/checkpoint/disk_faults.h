// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

// A library that stands between a program and its disk. It counts the calls that change a folder
// (open to create, write, pwrite, fsync, fdatasync, close, rename, unlink, mkdir, rmdir) and at one
// of them fails, or kills the process as a power cut would: what was written since the last fsync
// of a file is lost, and so are names made since the last fsync of their folder. No call waits for
// the disk, so that a test can make thousands of saves.
//
// A test links it. Any other program is run with it by
//
//     LD_PRELOAD=libhecaton_disk_faults.so HECATON_DISK_FAULT_FOLDER=/path
//     HECATON_DISK_FAULT_CALL=7 HECATON_DISK_FAULT=kill (or ENOSPC, EIO, EROFS)

extern "C" {

/// Stand for an error number: kill the process, and lose names or keep them.
constexpr int kPowerCut = -1;
constexpr int kPowerCutThatKeepsNames = -2;

/// Counts from now on, from 1, and fails at call `call` on a path that begins with `folder`.
/// fault: an error number, or a power cut. call: 0 only counts.
void disk_faults_arm(const char* folder, int call, int fault);

/// The power cut for which it is armed, at once.
void disk_faults_cut_power();

/// Calls counted so far.
int disk_faults_num_calls();

}  // extern "C"
