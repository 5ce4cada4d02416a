#pragma once

#include <executorch/runtime/core/named_data_map.h>
#include <executorch/runtime/executor/program.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/memory/program_allocator.h"
#include "core/program/data/data_source.h"
#include "core/program/data/released_parts.h"
#include "core/program/signature.h"
#include "core/status.h"

namespace godot_executorch {

/// A program and its weights, shared by all sessions on it. Unchanging once loaded, so threads may share it.
class LoadedProgram {
  public:
    /// `external` are .ptd sources, in any order. `checked`: the SHA-256 of all of them, when it was checked.
    static Status load(std::unique_ptr<DataSource> source, std::vector<std::unique_ptr<DataSource>> external,
                       const std::string& checked, std::shared_ptr<const LoadedProgram>& program);
    ~LoadedProgram();

    const executorch::runtime::Program& program() const { return *program_; }
    /// The external weights; empty when there are none.
    const executorch::runtime::NamedDataMap* data_map() const { return data_map_; }
    const std::vector<MethodSignature>& methods() const { return methods_; }
    const MethodSignature* find_method(const std::string& name) const;

    /// Names this program's packed weights to XNNPACK.
    const std::string& weights_key() const { return weights_key_; }
    /// Names what is in its files, for what is kept of them between runs; empty when nothing does.
    const std::string& payload() const { return payload_; }
    /// For methods that share one workspace, because they wait for each other anyway.
    ProgramAllocator* allocator() const { return &allocator_; }
    size_t file_bytes() const;
    size_t resident_bytes() const;
    bool is_damaged() const;
    /// The same for files that running methods still read from.
    bool is_damaged_in_use() const;
    /// Bytes of these parts that no other method has packed; they count as this method's until it gives them up.
    size_t claim(const std::vector<ReleasedPart>& packed) const;
    void give_up(const std::vector<ReleasedPart>& packed) const;
    /// The identities of its files; empty when one of them has none.
    std::string identity() const;
    /// The SHA-256 of all its files or bytes; empty when one cannot be read.
    std::string contents() const;

  private:
    LoadedProgram();
    Status load_external();

    std::string weights_key_;
    std::string payload_;
    mutable ProgramAllocator allocator_;
    std::unique_ptr<DataSource> source_;
    std::vector<std::unique_ptr<DataSource>> external_;
    std::unique_ptr<executorch::runtime::Program> program_;
    std::vector<std::unique_ptr<executorch::runtime::NamedDataMap>> data_maps_;
    const executorch::runtime::NamedDataMap* data_map_ = nullptr;
    std::vector<MethodSignature> methods_;
    mutable std::mutex packed_mutex_;                                        // guards what follows
    mutable std::map<std::pair<const DataSource*, size_t>, size_t> packed_;  // part -> how many methods packed it
};

}  // namespace godot_executorch
