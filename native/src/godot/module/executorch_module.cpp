#include "godot/module/executorch_module.h"

#include <algorithm>

#include "core/runtime/hooks.h"
#include "core/runtime/registry.h"
#include "godot/module/memory_pool_object.h"

namespace godot_executorch::godot {
namespace {

constexpr GDExtensionInt kSeekHash = 1286410249;
constexpr GDExtensionInt kGetLengthHash = 3905245786;
constexpr int64_t kMaximumTrialSeconds = 3600;
constexpr size_t kMostErrors = 256;

GDExtensionMethodBindPtr file_method(const char* name, GDExtensionInt hash) {
    const StringName class_name("FileAccess");
    const StringName method_name(name);
    return api.get_method_bind(class_name.ptr(), method_name.ptr(), hash);
}

bool is_file_access(const ObjectRef& file) {
    const StringName class_name("FileAccess");
    return file.object() != nullptr &&
           api.object_cast_to(file.object(), api.get_class_tag(class_name.ptr())) != nullptr;
}

size_t length_of(const ObjectRef& file) {
    int64_t length = 0;
    api.object_call(file_method("get_length", kGetLengthHash), file.object(), nullptr, &length);
    return static_cast<size_t>(length);
}

/// Reads through a FileAccess, one caller at a time.
ReadAt read_through(ObjectRef file) {
    const auto mutex = std::make_shared<std::mutex>();
    const GDExtensionMethodBindPtr seek = file_method("seek", kSeekHash);
    return [=](uint64_t offset, size_t size, void* destination) {
        const std::lock_guard<std::mutex> lock(*mutex);
        const auto position = static_cast<int64_t>(offset);
        const GDExtensionConstTypePtr arguments[] = {&position};
        api.object_call(seek, file.object(), arguments, nullptr);
        return api.file_get_buffer(file.object(), static_cast<uint8_t*>(destination), size) == size;
    };
}

std::vector<std::string> read_strings(const Variant& value) {
    std::vector<std::string> texts;
    if (value.type() == PackedStringArray::kType) {
        const auto& strings = value.as<PackedStringArray>();
        for (int64_t i = 0; i < strings.size(); ++i) {
            texts.push_back(strings[i].utf8());
        }
    }
    return texts;
}

Status read_external(const Dictionary& given, std::vector<ExternalWeights>& external) {
    const Variant files = given.get("external");
    for (const std::string& path : read_strings(files)) {
        external.emplace_back(path);
    }
    if (files.type() == Array::kType) {
        const auto& mixed = files.as<Array>();
        for (int64_t i = 0; i < mixed.size(); ++i) {
            const Variant entry = mixed[i];
            ExternalWeights& weights = external.emplace_back("external weights " + std::to_string(i));
            if (entry.type() == String::kType) {
                weights.path = entry.as<String>().utf8();
                continue;
            }
            const bool is_object = entry.type() == GDEXTENSION_VARIANT_TYPE_OBJECT;
            const ObjectRef file(is_object ? entry.as_object() : nullptr);
            if (!is_file_access(file)) {
                return Status(Code::InvalidOption, "external: expected paths or FileAccess objects");
            }
            weights.read = read_through(file);
            weights.size = length_of(file);
        }
    }
    const std::vector<std::string> hashes = read_strings(given.get("external_sha256"));
    for (size_t i = 0; i < std::min(hashes.size(), external.size()); ++i) {
        external[i].sha256 = hashes[i];
    }
    return {};
}

Status read_options(const Dictionary& given, LoadOptions& options) {
    const Variant mmap = given.get("mmap");
    const Variant sha256 = given.get("sha256");
    options.mmap = mmap.type() != GDEXTENSION_VARIANT_TYPE_BOOL || mmap.as_bool();
    if (sha256.type() == String::kType) {
        options.sha256 = sha256.as<String>().utf8();
    }
    const Variant seconds = given.get("trial_seconds");
    options.trial_seconds = ExecuTorchModule::kTrialSeconds;
    if (seconds.type() == GDEXTENSION_VARIANT_TYPE_INT) {
        options.trial_seconds = static_cast<int>(std::clamp<int64_t>(seconds.as_int(), 0, kMaximumTrialSeconds));
    }
    return read_external(given, options.external);
}

}  // namespace

ExecuTorchModule::ExecuTorchModule(GDExtensionObjectPtr object)
    : object_(object), session_(std::make_unique<Session>()) {
}

int64_t ExecuTorchModule::keep_error(Status status) {
    if (status.ok() && !has_errors_) {
        return 0;
    }
    const std::lock_guard<std::mutex> lock(error_mutex_);
    const std::thread::id thread = std::this_thread::get_id();
    if (status.ok()) {
        errors_.erase(thread);
    } else {
        // Threads that have ended since left theirs behind.
        if (errors_.size() >= kMostErrors) {
            errors_.clear();
        }
        errors_[thread] = status.failure();
    }
    has_errors_ = !errors_.empty();
    return status.code();
}

int64_t ExecuTorchModule::load_from_file(const String& path, const Dictionary& options) {
    LoadOptions load_options;
    Status status = read_options(options, load_options);
    return keep_error(status.ok() ? session_->load_from_file(path.utf8(), load_options) : std::move(status));
}

int64_t ExecuTorchModule::load_from_buffer(const PackedByteArray& data, const Dictionary& options) {
    LoadOptions load_options;
    Status status = read_options(options, load_options);
    const auto size = static_cast<size_t>(data.size());
    return keep_error(status.ok() ? session_->load_from_buffer(data.data(), size, load_options) : std::move(status));
}

int64_t ExecuTorchModule::load_from_stream(const ObjectRef& reader, const Dictionary& options) {
    LoadOptions load_options;
    Status status = read_options(options, load_options);
    if (!is_file_access(reader)) {
        status = Status(Code::InvalidOption, "load_from_stream expects a FileAccess");
    }
    if (!status.ok()) {
        return keep_error(std::move(status));
    }
    return keep_error(session_->load_from_stream(read_through(reader), length_of(reader), load_options));
}

ObjectRef ExecuTorchModule::new_session() {
    const StringName name(kName);
    void* instance = nullptr;
    ObjectRef session(create_object(name, create_instance<ExecuTorchModule>, instance));
    static_cast<ExecuTorchModule*>(instance)->session_ = session_->new_session();
    return session;
}

int64_t ExecuTorchModule::become_session_of(const ObjectRef& other) {
    const auto* object = static_cast<const ExecuTorchModule*>(instance_of(other.object(), kName));
    if (object == nullptr || object == this) {
        return keep_error(Status(Code::InvalidOption, "become_session_of expects another ExecuTorchModule"));
    }
    session_->become_session_of(*object->session_);
    return keep_error({});
}

void ExecuTorchModule::clear() {
    session_->clear();
}

bool ExecuTorchModule::is_loaded() const {
    return session_->is_loaded();
}

PackedStringArray ExecuTorchModule::get_method_names() const {
    return PackedStringArray(session_->method_names());
}

Dictionary ExecuTorchModule::get_method_meta(const String& method) {
    MethodSignature signature;
    Status status = session_->method_signature(method.utf8(), signature);
    return keep_error(std::move(status)) == 0 ? to_godot(signature) : Dictionary();
}

int64_t ExecuTorchModule::set_signature(const String& method, const Array& inputs, const Array& outputs) {
    std::vector<ValueHint> input_hints;
    std::vector<ValueHint> output_hints;
    Status status = to_hints(inputs, input_hints);
    if (status.ok()) {
        status = to_hints(outputs, output_hints);
    }
    return keep_error(status.ok() ? session_->set_signature(method.utf8(), input_hints, output_hints)
                                  : std::move(status));
}

int64_t ExecuTorchModule::load_method(const String& method) {
    return keep_error(session_->load_method(method.utf8()));
}

int64_t ExecuTorchModule::reset_state() {
    return keep_error(session_->reset_state());
}

int64_t ExecuTorchModule::configure_memory(int64_t policy, int64_t limit_bytes) {
    if (policy < 0 || policy > 2 || limit_bytes < 0) {
        return keep_error(
            Status(Code::InvalidOption,
                   "expected a policy of 0 (AUTO), 1 (STATIC) or 2 (CUSTOM) and a limit of 0 or more bytes, got " +
                       std::to_string(policy) + " and " + std::to_string(limit_bytes)));
    }
    return keep_error(session_->configure_memory(static_cast<MemoryPolicy>(policy), static_cast<size_t>(limit_bytes)));
}

int64_t ExecuTorchModule::set_memory_pool(const ObjectRef& pool) {
    const auto* object =
        static_cast<const ExecuTorchMemoryPool*>(instance_of(pool.object(), ExecuTorchMemoryPool::kName));
    if (object == nullptr) {
        return keep_error(Status(Code::InvalidOption, "set_memory_pool expects an ExecuTorchMemoryPool"));
    }
    return keep_error(session_->set_memory_pool(object->pool()));
}

int64_t ExecuTorchModule::set_optimization_level(int64_t level) {
    if (level < 0 || level > 2) {
        return keep_error(
            Status(Code::InvalidOption,
                   "expected a level of 0 (NONE), 1 (BASIC) or 2 (AGGRESSIVE), got " + std::to_string(level)));
    }
    return keep_error(session_->set_optimization_level(static_cast<OptimizationLevel>(level)));
}

}  // namespace godot_executorch::godot
