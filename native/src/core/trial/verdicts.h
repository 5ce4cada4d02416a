#pragma once

#include <string>

#include "core/status.h"

namespace godot_executorch {

/// What trials found, by a program's identity or contents: a program that has not changed is not tried again. False
/// when it is not known. A trial that took too long says nothing about one that may take more `seconds`.
bool find_verdict(const std::string& identity, int seconds, Status& verdict);
/// `seconds` is 0 for a verdict that does not depend on the time.
void remember_verdict(const std::string& identity, int seconds, const Status& verdict);
/// Remembers the verdict of `known` for `identity` as well.
void share_verdict(const std::string& known, const std::string& identity);
/// Whether there are verdicts by contents.
bool are_contents_known();

/// Keeps them in a file as well (but for those that depend on the time), so that the next run of the game knows them. A
/// list of another version is dropped.
void keep_verdicts(const std::string& path);

}  // namespace godot_executorch
