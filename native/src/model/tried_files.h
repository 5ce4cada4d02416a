#pragma once

#include <string>

namespace godot_executorch {

/// Which files have been run in a trial, by DataSource::identity(): a file that has not changed is not tried again.
bool was_tried(const std::string& identity);
void remember_tried(const std::string& identity);

/// Keeps them in a file as well, so that the next run of the game knows them. A list of another version is dropped.
void keep_tried_files(const std::string& path);

}  // namespace godot_executorch
