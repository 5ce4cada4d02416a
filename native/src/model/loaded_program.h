#pragma once

#include <executorch/runtime/core/named_data_map.h>
#include <executorch/runtime/executor/program.h>

#include <memory>
#include <string>
#include <vector>

#include "model/data_source.h"
#include "model/failure.h"
#include "model/signature.h"

namespace godot_executorch {

/// A program and its weights, shared by all sessions on it. Unchanging once loaded, so threads may share it.
class LoadedProgram {
  public:
    /// `external` are .ptd sources, in any order.
    static Status load(std::unique_ptr<DataSource> source, std::vector<std::unique_ptr<DataSource>> external,
                       std::shared_ptr<const LoadedProgram>& program);
    ~LoadedProgram();

    const executorch::runtime::Program& program() const { return *program_; }
    /// The external weights; empty when there are none.
    const executorch::runtime::NamedDataMap* data_map() const { return data_map_; }
    const std::vector<MethodSignature>& methods() const { return methods_; }
    const MethodSignature* find_method(const std::string& name) const;

    /// Names this program's packed weights to XNNPACK.
    const std::string& weights_key() const { return weights_key_; }
    size_t file_bytes() const;
    size_t resident_bytes() const;
    bool is_damaged() const;
    /// Changes when one of the files does; empty when not all bytes come from files.
    std::string identity() const;
    bool is_readable_after_fork() const;

  private:
    LoadedProgram();
    Status load_external();

    std::string weights_key_;
    std::unique_ptr<DataSource> source_;
    std::vector<std::unique_ptr<DataSource>> external_;
    std::unique_ptr<executorch::runtime::Program> program_;
    std::vector<std::unique_ptr<executorch::runtime::NamedDataMap>> data_maps_;
    const executorch::runtime::NamedDataMap* data_map_ = nullptr;
    std::vector<MethodSignature> methods_;
};

}  // namespace godot_executorch
