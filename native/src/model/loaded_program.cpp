#include "model/loaded_program.h"

#include <executorch/extension/flat_tensor/flat_tensor_data_map.h>
#include <executorch/extension/named_data_map/merged_data_map.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "model/platform.h"
#include "model/program_check.h"

namespace godot_executorch {
namespace {

using executorch::extension::FlatTensorDataMap;
using MergedDataMap = executorch::extension::ET_MERGED_DATA_MAP_NAMESPACE::MergedDataMap;
using executorch::runtime::Error;
using executorch::runtime::FreeableBuffer;
using executorch::runtime::NamedDataMap;
using executorch::runtime::Program;
using executorch::runtime::Result;
using executorch::runtime::Span;
using executorch::runtime::TensorLayout;
using Type = executorch::runtime::DataLoader::SegmentInfo::Type;

std::mutex weights_keys_mutex;
size_t weights_key_count = 0;
std::vector<std::string> free_weights_keys;

/// XNNPACK follows the map without asking whether there is one when a program's external weights are missing.
class NoExternalData final : public NamedDataMap {
  public:
    Result<const TensorLayout> get_tensor_layout(std::string_view) const override { return Error::NotFound; }
    Result<FreeableBuffer> get_data(std::string_view) const override { return Error::NotFound; }
    Error load_data_into(std::string_view, void*, size_t) const override { return Error::NotFound; }
    Result<uint32_t> get_num_keys() const override { return 0U; }
    Result<const char*> get_key(uint32_t) const override { return Error::NotFound; }
};

Status check_magic(const DataSource& source) {
    const size_t size = source.byte_count();
    if (size < Program::kMinHeadBytes) {
        return Status(Code::NotAProgram, "the file has only " + std::to_string(size) + " bytes");
    }
    char head[Program::kMinHeadBytes];
    if (source.load_into(0, sizeof head, executorch::runtime::DataLoader::SegmentInfo(Type::Program), head) !=
        Error::Ok) {
        return Status(Code::FileUnreadable, "cannot read the file's first bytes");
    }
    switch (Program::check_header(head, sizeof head)) {
        case Program::CompatibleVersion:
            return {};
        case Program::IncompatibleVersion:
            return Status(Code::NotAProgram, "the program has another version than this runtime's (ET12)",
                          "Import the model again.");
        default:
            return Status(Code::NotAProgram, "the file does not begin as an ExecuTorch program does (ET12)");
    }
}

}  // namespace

Status LoadedProgram::load(std::unique_ptr<DataSource> source, std::vector<std::unique_ptr<DataSource>> external,
                           std::shared_ptr<const LoadedProgram>& program) {
    Status status = check_magic(*source);
    if (!status.ok()) {
        return status;
    }
    ProgramFacts facts;
    status = check_program(*source, facts);
    if (!status.ok()) {
        return status;
    }
    return guarded("loading the program", [&]() -> Status {
        const std::shared_ptr<LoadedProgram> loaded(new LoadedProgram());
        loaded->source_ = std::move(source);
        loaded->external_ = std::move(external);
        auto result = Program::load(loaded->source_.get(), Program::Verification::InternalConsistency);
        if (!result.ok()) {
            return Status(result.error(), "cannot load the program");
        }
        loaded->program_ = std::make_unique<Program>(std::move(result.get()));
        for (size_t i = 0; i < loaded->program_->num_methods(); ++i) {
            const auto name = loaded->program_->get_method_name(i);
            if (!name.ok()) {
                return Status(name.error(), "cannot read the name of method " + std::to_string(i));
            }
            const auto meta = loaded->program_->method_meta(name.get());
            if (!meta.ok()) {
                return Status(meta.error(), std::string("cannot read method ") + name.get());
            }
            Status read = read_signature(meta.get(), loaded->methods_.emplace_back());
            loaded->methods_.back().index = static_cast<int>(i);
            loaded->methods_.back().has_state |= facts.methods_with_state.count(name.get()) > 0;
            if (!read.ok()) {
                return read;
            }
        }
        Status outside = loaded->load_external();
        if (outside.ok()) {
            program = loaded;
        }
        return outside;
    });
}

LoadedProgram::LoadedProgram() {
    // XNNPACK keeps one cache per path, and keeps it on the heap when it cannot open the path. One cache for all
    // programs would make unrelated models wait for each other; it never forgets a path, so those of unloaded programs
    // serve again.
    const std::lock_guard<std::mutex> lock(weights_keys_mutex);
    if (free_weights_keys.empty()) {
        weights_key_ = kNoFileFolder + std::to_string(++weights_key_count);
    } else {
        weights_key_ = std::move(free_weights_keys.back());
        free_weights_keys.pop_back();
    }
}

LoadedProgram::~LoadedProgram() {
    const std::lock_guard<std::mutex> lock(weights_keys_mutex);
    free_weights_keys.push_back(std::move(weights_key_));
}

Status LoadedProgram::load_external() {
    std::vector<const NamedDataMap*> maps;
    for (const auto& source : external_) {
        auto map = FlatTensorDataMap::load(source.get());
        if (!map.ok()) {
            return Status(map.error(), "cannot load the external weights");
        }
        data_maps_.push_back(std::make_unique<FlatTensorDataMap>(std::move(map.get())));
        maps.push_back(data_maps_.back().get());
    }
    if (maps.size() > 1) {
        auto merged = MergedDataMap::load(Span<const NamedDataMap*>(maps.data(), maps.size()));
        if (!merged.ok()) {
            return Status(merged.error(), "cannot merge the external weights");
        }
        data_maps_.push_back(std::make_unique<MergedDataMap>(std::move(merged.get())));
    }
    if (data_maps_.empty()) {
        data_maps_.push_back(std::make_unique<NoExternalData>());
    }
    data_map_ = data_maps_.back().get();
    return {};
}

const MethodSignature* LoadedProgram::find_method(const std::string& name) const {
    const auto found = std::find_if(methods_.begin(), methods_.end(),
                                    [&](const MethodSignature& method) { return method.name == name; });
    return found == methods_.end() ? nullptr : &*found;
}

size_t LoadedProgram::file_bytes() const {
    size_t bytes = source_->byte_count();
    for (const auto& source : external_) {
        bytes += source->byte_count();
    }
    return bytes;
}

size_t LoadedProgram::resident_bytes() const {
    size_t bytes = source_->resident_bytes();
    for (const auto& source : external_) {
        bytes += source->resident_bytes();
    }
    return bytes;
}

bool LoadedProgram::is_damaged() const {
    return source_->is_damaged() ||
           std::any_of(external_.begin(), external_.end(), [](const auto& source) { return source->is_damaged(); });
}

std::string LoadedProgram::identity() const {
    std::string all = source_->identity();
    for (const auto& source : external_) {
        const std::string one = source->identity();
        all = all.empty() || one.empty() ? "" : all + " " + one;
    }
    return all;
}

bool LoadedProgram::is_readable_after_fork() const {
    return source_->is_readable_after_fork() && std::all_of(external_.begin(), external_.end(), [](const auto& source) {
               return source->is_readable_after_fork();
           });
}

}  // namespace godot_executorch
