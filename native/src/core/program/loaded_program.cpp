#include "core/program/loaded_program.h"

#include <executorch/extension/flat_tensor/flat_tensor_data_map.h>
#include <executorch/extension/named_data_map/merged_data_map.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "core/platform/file.h"
#include "core/program/checks/program_check.h"
#include "core/program/data/integrity.h"
#include "core/runtime/guarded.h"

namespace godot_executorch {
namespace {

using executorch::extension::FlatTensorDataMap;
using MergedDataMap = executorch::extension::ET_MERGED_DATA_MAP_NAMESPACE::MergedDataMap;
using executorch::runtime::Error;
using executorch::runtime::NamedDataMap;
using executorch::runtime::Program;
using executorch::runtime::Result;
using Type = executorch::runtime::DataLoader::SegmentInfo::Type;

constexpr char kContents[] = "sha256:";

std::mutex weights_keys_mutex;
size_t weights_key_count = 0;
std::vector<std::string> free_weights_keys;

/// For programs whose external weights are missing: XNNPACK uses the map without a check for null.
class NoExternalData final : public NamedDataMap {
  public:
    Result<const executorch::runtime::TensorLayout> get_tensor_layout(std::string_view) const override {
        return Error::NotFound;
    }
    Result<executorch::runtime::FreeableBuffer> get_data(std::string_view) const override { return Error::NotFound; }
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
                           const std::string& checked, std::shared_ptr<const LoadedProgram>& program) {
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
        loaded->payload_ = checked.empty() ? loaded->identity() : checked;
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
    // programs would make unrelated models wait for each other; it keeps every path for ever, so paths of unloaded
    // programs are used again.
    const std::lock_guard<std::mutex> lock(weights_keys_mutex);
    if (free_weights_keys.empty()) {
        weights_key_ = std::string(kNoFileFolder) + std::to_string(++weights_key_count);
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
        auto merged = MergedDataMap::load(executorch::runtime::Span<const NamedDataMap*>(maps.data(), maps.size()));
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

bool LoadedProgram::is_damaged_in_use() const {
    // Asking for a file's size costs as much as a third of a small call, so only where it matters.
    const auto is_damaged = [](const auto& source) { return source->is_mapping_in_use() && source->is_damaged(); };
    return is_damaged(source_) || std::any_of(external_.begin(), external_.end(), is_damaged);
}

size_t LoadedProgram::claim(const std::vector<ReleasedPart>& packed) const {
    const std::lock_guard<std::mutex> lock(packed_mutex_);
    size_t bytes = 0;
    for (const ReleasedPart& part : packed) {
        bytes += packed_[{part.source, part.offset}]++ == 0 ? part.size : 0;
    }
    return bytes;
}

void LoadedProgram::give_up(const std::vector<ReleasedPart>& packed) const {
    const std::lock_guard<std::mutex> lock(packed_mutex_);
    for (const ReleasedPart& part : packed) {
        --packed_[{part.source, part.offset}];
    }
}

std::string LoadedProgram::identity() const {
    std::string all = source_->identity();
    for (const auto& source : external_) {
        const std::string one = source->identity();
        all = all.empty() || one.empty() ? "" : all + " " + one;
    }
    return all;
}

std::string LoadedProgram::contents() const {
    std::string all;
    const auto add = [&all](const DataSource& source) {
        std::string hash;
        const bool is_read = sha256_of(source, hash).ok();
        all += (all.empty() ? "" : " ") + hash;
        return is_read;
    };
    bool is_read = add(*source_);
    for (const auto& source : external_) {
        is_read = is_read && add(*source);
    }
    return is_read ? kContents + all : "";
}

}  // namespace godot_executorch
