#include "godot/executorch_module.h"

#include <algorithm>

#include "godot/memory_pool_object.h"
#include "model/platform.h"
#include "model/runtime_info.h"

namespace godot_executorch::godot {
namespace {

constexpr GDExtensionInt kSeekHash = 1286410249;
constexpr GDExtensionInt kGetLengthHash = 3905245786;

Status read_options(const Dictionary& given, LoadOptions& options) {
    const Variant mmap = given.get("mmap");
    const Variant sha256 = given.get("sha256");
    const Variant external = given.get("external");
    options.mmap = mmap.type() != GDEXTENSION_VARIANT_TYPE_BOOL || mmap.as_bool();
    if (sha256.type() == String::kType) {
        options.sha256 = sha256.as<String>().utf8();
    }
    if (external.type() == PackedStringArray::kType) {
        const auto& paths = external.as<PackedStringArray>();
        for (int64_t i = 0; i < paths.size(); ++i) {
            options.external.push_back(paths[i].utf8());
        }
    }
    return {};
}

GDExtensionMethodBindPtr file_method(const char* name, GDExtensionInt hash) {
    const StringName class_name("FileAccess");
    const StringName method_name(name);
    return api.get_method_bind(class_name.ptr(), method_name.ptr(), hash);
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

}  // namespace

ExecuTorchModule::ExecuTorchModule(GDExtensionObjectPtr) : model_(std::make_unique<Model>()) {
}

int64_t ExecuTorchModule::remember(Status status) {
    const std::lock_guard<std::mutex> lock(error_mutex_);
    if (status.ok()) {
        error_.reset();
        return 0;
    }
    error_ = std::make_unique<Failure>(status.failure());
    return error_->code;
}

int64_t ExecuTorchModule::load_from_file(const String& path, const Dictionary& options) {
    LoadOptions load_options;
    Status status = read_options(options, load_options);
    return remember(status.ok() ? model_->load_from_file(path.utf8(), load_options) : std::move(status));
}

int64_t ExecuTorchModule::load_from_buffer(const PackedByteArray& data, const Dictionary& options) {
    LoadOptions load_options;
    Status status = read_options(options, load_options);
    const auto size = static_cast<size_t>(data.size());
    return remember(status.ok() ? model_->load_from_buffer(data.data(), size, load_options) : std::move(status));
}

int64_t ExecuTorchModule::load_from_stream(const ObjectRef& reader, const Dictionary& options) {
    LoadOptions load_options;
    Status status = read_options(options, load_options);
    const StringName class_name("FileAccess");
    if (reader.object() == nullptr ||
        api.object_cast_to(reader.object(), api.get_class_tag(class_name.ptr())) == nullptr) {
        status = Status(Code::InvalidOption, "load_from_stream expects a FileAccess");
    }
    if (!status.ok()) {
        return remember(std::move(status));
    }
    int64_t length = 0;
    api.object_call(file_method("get_length", kGetLengthHash), reader.object(), nullptr, &length);
    return remember(model_->load_from_stream(read_through(reader), static_cast<size_t>(length), load_options));
}

ObjectRef ExecuTorchModule::new_session() {
    const StringName name(kName);
    void* instance = nullptr;
    ObjectRef session(create_object(name, create_instance<ExecuTorchModule>, instance));
    static_cast<ExecuTorchModule*>(instance)->model_ = model_->new_session();
    return session;
}

void ExecuTorchModule::clear() {
    model_->clear();
}

bool ExecuTorchModule::is_loaded() const {
    return model_->is_loaded();
}

PackedStringArray ExecuTorchModule::get_method_names() const {
    return PackedStringArray(model_->method_names());
}

Dictionary ExecuTorchModule::get_method_meta(const String& method) {
    MethodSignature signature;
    Status status = model_->method_signature(method.utf8(), signature);
    return remember(std::move(status)) == 0 ? to_godot(signature) : Dictionary();
}

int64_t ExecuTorchModule::set_signature(const String& method, const Array& inputs, const Array& outputs) {
    std::vector<ValueHint> input_hints;
    std::vector<ValueHint> output_hints;
    Status status = to_hints(inputs, input_hints);
    if (status.ok()) {
        status = to_hints(outputs, output_hints);
    }
    return remember(status.ok() ? model_->set_signature(method.utf8(), input_hints, output_hints) : std::move(status));
}

int64_t ExecuTorchModule::load_method(const String& method) {
    return remember(model_->load_method(method.utf8()));
}

const ExecuTorchModule::Names& ExecuTorchModule::names_of(const LoadedMethod& method) {
    for (const Names& names : names_) {
        if (names.method == &method && names.revision == method.revision()) {
            return names;
        }
    }
    // A method that went away may have left its address to this one.
    names_.erase(
        std::remove_if(names_.begin(), names_.end(), [&](const Names& names) { return names.method == &method; }),
        names_.end());
    Names& names = names_.emplace_back();
    names.method = &method;
    names.revision = method.revision();
    const MethodSignature& signature = method.signature();
    for (size_t i = 0; i < signature.inputs.size(); ++i) {
        names.inputs.emplace_back(signature.inputs[i].name);
        names.aliases.emplace_back("input_" + std::to_string(i));
    }
    for (const ValueSpec& output : signature.outputs) {
        names.outputs.emplace_back(output.name);
    }
    return names;
}

Status ExecuTorchModule::unknown_names(const MethodSignature& signature, const Dictionary& inputs) const {
    const auto quoted = [](const std::string& text) { return "\"" + text + "\""; };
    std::string expected;
    for (const ValueSpec& spec : signature.inputs) {
        expected += (expected.empty() ? "" : ", ") + quoted(spec.name) + ": " + spec.text();
    }
    std::string got;
    const Array keys = inputs.keys();
    for (int64_t i = 0; i < keys.size(); ++i) {
        const Variant& key = keys[i];
        got += got.empty() ? "" : ", ";
        got += key.type() == String::kType ? quoted(key.as<String>().utf8()) : quoted(converted<String>(key).utf8());
    }
    const bool missing = inputs.size() < static_cast<int64_t>(signature.inputs.size());
    return Status(missing ? Code::MissingInput : Code::UnknownInput, "expected {" + expected + "}, got {" + got + "}");
}

Status ExecuTorchModule::give_named(Call& call, const Dictionary& inputs) {
    const Names& names = names_of(call.method());
    if (inputs.size() != static_cast<int64_t>(names.inputs.size())) {
        return unknown_names(call.signature(), inputs);
    }
    for (size_t i = 0; i < names.inputs.size(); ++i) {
        Variant value = inputs.get(names.inputs[i]);
        if (value.is_nil()) {
            value = inputs.get(names.aliases[i]);
        }
        if (value.is_nil()) {
            return unknown_names(call.signature(), inputs);
        }
        // The dictionary holds the value too, so memory behind `value` outlives this copy.
        Status status = to_tensor(call.method(), i, value, staging_);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

Status ExecuTorchModule::give_positional(Call& call, const Array& inputs) {
    const size_t expected = call.signature().inputs.size();
    if (inputs.size() != static_cast<int64_t>(expected)) {
        return Status(Code::WrongInputCount,
                      "expected " + std::to_string(expected) + " inputs, got " + std::to_string(inputs.size()));
    }
    for (size_t i = 0; i < expected; ++i) {
        Status status = to_tensor(call.method(), i, inputs[static_cast<int64_t>(i)], staging_);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

Status ExecuTorchModule::run_named(Call& call, const Dictionary& inputs, Dictionary& outputs) {
    Status status = give_named(call, inputs);
    if (status.ok()) {
        status = call.execute();
    }
    if (!status.ok()) {
        return status;
    }
    const Names& names = names_of(call.method());
    for (size_t i = 0; i < names.outputs.size(); ++i) {
        outputs[names.outputs[i]] = to_godot(call.output(i), scratch_);
    }
    return {};
}

Dictionary ExecuTorchModule::forward(const Dictionary& inputs) {
    Dictionary outputs;
    Call call(*model_);
    Status status = call.begin_forward();
    remember(status.ok() ? run_named(call, inputs, outputs) : std::move(status));
    return outputs;
}

Dictionary ExecuTorchModule::execute(const String& method, const Dictionary& inputs) {
    Dictionary outputs;
    Call call(*model_);
    Status status = call.begin(method.utf8());
    remember(status.ok() ? run_named(call, inputs, outputs) : std::move(status));
    return outputs;
}

PackedFloat32Array ExecuTorchModule::forward_packed(const PackedFloat32Array& input) {
    Call call(*model_);
    Status status = call.begin_forward();
    if (status.ok() && (call.signature().inputs.size() != 1 || call.signature().outputs.empty())) {
        status = Status(
            Code::WrongInputCount,
            "forward_packed runs models with one input, this one has " + std::to_string(call.signature().inputs.size()),
            "Use forward() or forward_array().");
    }
    if (status.ok()) {
        const auto count = static_cast<size_t>(input.size());
        status = to_tensor(call.method(), 0, input.data(), Dtype::Float, count, staging_);
    }
    if (status.ok()) {
        status = call.execute();
    }
    if (remember(std::move(status)) != 0) {
        return {};
    }
    return to_godot_floats(call.output(0), scratch_);
}

Array ExecuTorchModule::forward_array(const Array& inputs) {
    Array outputs;
    Call call(*model_);
    Status status = call.begin_forward();
    if (status.ok()) {
        status = give_positional(call, inputs);
    }
    if (status.ok()) {
        status = call.execute();
    }
    if (remember(std::move(status)) == 0) {
        for (size_t i = 0; i < call.signature().outputs.size(); ++i) {
            outputs.append(to_godot(call.output(i), scratch_));
        }
    }
    return outputs;
}

Array ExecuTorchModule::execute_tensors(const String& method, const Array& inputs) {
    Array outputs;
    Call call(*model_);
    Status status = call.begin(method.utf8());
    if (status.ok()) {
        status = give_positional(call, inputs);
    }
    if (status.ok()) {
        status = call.execute();
    }
    if (remember(std::move(status)) == 0) {
        for (size_t i = 0; i < call.signature().outputs.size(); ++i) {
            outputs.append(to_godot_tensor(call.output(i), scratch_));
        }
    }
    return outputs;
}

int64_t ExecuTorchModule::reset_state() {
    return remember(model_->reset_state());
}

int64_t ExecuTorchModule::configure_memory(int64_t policy, int64_t limit_bytes) {
    if (policy < 0 || policy > 2 || limit_bytes < 0) {
        return remember(
            Status(Code::InvalidOption,
                   "expected a policy of 0 (AUTO), 1 (STATIC) or 2 (CUSTOM) and a limit of 0 or more bytes, got " +
                       std::to_string(policy) + " and " + std::to_string(limit_bytes)));
    }
    return remember(model_->configure_memory(static_cast<MemoryPolicy>(policy), static_cast<size_t>(limit_bytes)));
}

int64_t ExecuTorchModule::set_memory_pool(const ObjectRef& pool) {
    const auto* object =
        static_cast<const ExecuTorchMemoryPool*>(instance_of(pool.object(), ExecuTorchMemoryPool::kName));
    if (object == nullptr) {
        return remember(Status(Code::InvalidOption, "set_memory_pool expects an ExecuTorchMemoryPool"));
    }
    return remember(model_->set_memory_pool(object->pool()));
}

int64_t ExecuTorchModule::set_optimization_level(int64_t level) {
    if (level < 0 || level > 2) {
        return remember(Status(Code::InvalidOption, "expected a level of 0 (NONE), 1 (BASIC) or 2 (AGGRESSIVE), got " +
                                                        std::to_string(level)));
    }
    return remember(model_->set_optimization_level(static_cast<OptimizationLevel>(level)));
}

Dictionary ExecuTorchModule::get_memory_info() const {
    const MemoryInfo info = model_->get_memory_info();
    PackedInt64Array planned(static_cast<int64_t>(info.planned.size()));
    std::copy(info.planned.begin(), info.planned.end(), planned.data());
    Dictionary result;
    result["program"] = info.program;
    result["constants"] = info.constants;
    result["planned"] = planned;
    result["method_allocator_used"] = info.method_allocator_used;
    result["method_allocator_peak"] = info.method_allocator_peak;
    result["temporary_peak"] = info.temporary_peak;
    result["delegate"] = info.delegate;
    result["policy"] = static_cast<int>(info.policy);
    result["limit"] = info.limit;
    result["total"] = info.total;
    return result;
}

Dictionary ExecuTorchModule::get_statistics() const {
    const StatisticsReport report = model_->get_statistics();
    Dictionary result;
    result["count"] = static_cast<int64_t>(report.count);
    result["last_us"] = report.last_us;
    result["mean_us"] = report.mean_us;
    result["p50_us"] = report.p50_us;
    result["p90_us"] = report.p90_us;
    result["p99_us"] = report.p99_us;
    result["min_us"] = report.min_us;
    result["max_us"] = report.max_us;
    result["load_us"] = model_->load_us();
    return result;
}

void ExecuTorchModule::reset_statistics() {
    model_->reset_statistics();
}

double ExecuTorchModule::get_last_inference_time() const {
    return model_->get_last_inference_time();
}

Dictionary ExecuTorchModule::get_last_error() const {
    const std::lock_guard<std::mutex> lock(error_mutex_);
    return error_ != nullptr ? to_godot(*error_) : Dictionary();
}

PackedStringArray ExecuTorchModule::get_backends() {
    return PackedStringArray(backend_names());
}

PackedStringArray ExecuTorchModule::get_operators() {
    return PackedStringArray(operator_names());
}

Dictionary ExecuTorchModule::get_versions() {
    Dictionary result;
    for (const auto& [name, version] : versions()) {
        result[name] = version;
    }
    return result;
}

void ExecuTorchModule::set_num_threads(const int64_t& count) {
    const Status status = set_thread_count(static_cast<int>(count));
    if (!status.ok()) {
        api.print_error(status.failure().cause.c_str(), "set_num_threads", __FILE__, __LINE__, 0);
    }
}

int64_t ExecuTorchModule::get_num_threads() {
    return thread_count();
}

void ExecuTorchModule::set_log_level(const int64_t& level) {
    godot_executorch::set_log_level(static_cast<LogLevel>(std::clamp<int64_t>(level, 0, 3)));
}

int64_t ExecuTorchModule::load_library(const String& path) {
    const Status status = godot_executorch::load_library(path.utf8());
    if (!status.ok()) {
        api.print_error(status.failure().cause.c_str(), "load_library", __FILE__, __LINE__, 0);
    }
    return status.code();
}

void ExecuTorchModule::bind() {
    using Self = ExecuTorchModule;
    ClassBinding<Self> bound(kName);
    bound.method({"load_from_file", {"path", "options"}, {Dictionary()}}, &Self::load_from_file);
    bound.method({"load_from_buffer", {"data", "options"}, {Dictionary()}}, &Self::load_from_buffer);
    bound.method({"load_from_stream", {"reader", "options"}, {Dictionary()}}, &Self::load_from_stream);
    bound.method({"new_session"}, &Self::new_session);
    bound.method({"clear"}, &Self::clear);
    bound.method({"is_loaded"}, &Self::is_loaded);
    bound.method({"get_method_names"}, &Self::get_method_names);
    bound.method({"get_method_meta", {"method"}}, &Self::get_method_meta);
    bound.method({"set_signature", {"method", "inputs", "outputs"}}, &Self::set_signature);
    bound.method({"load_method", {"method"}}, &Self::load_method);
    bound.method({"forward", {"inputs"}}, &Self::forward);
    bound.method({"execute", {"method", "inputs"}}, &Self::execute);
    bound.method({"forward_packed", {"input"}}, &Self::forward_packed);
    bound.method({"forward_array", {"inputs"}}, &Self::forward_array);
    bound.method({"execute_tensors", {"method", "inputs"}}, &Self::execute_tensors);
    bound.method({"reset_state"}, &Self::reset_state);
    bound.method({"configure_memory", {"policy", "limit_bytes"}, {0}}, &Self::configure_memory);
    bound.method({"set_memory_pool", {"pool"}}, &Self::set_memory_pool);
    bound.method({"set_optimization_level", {"level"}}, &Self::set_optimization_level);
    bound.method({"get_memory_info"}, &Self::get_memory_info);
    bound.method({"get_statistics"}, &Self::get_statistics);
    bound.method({"reset_statistics"}, &Self::reset_statistics);
    bound.method({"get_last_inference_time"}, &Self::get_last_inference_time);
    bound.method({"get_last_error"}, &Self::get_last_error);
    bound.static_method({"get_backends"}, &Self::get_backends);
    bound.static_method({"get_operators"}, &Self::get_operators);
    bound.static_method({"get_versions"}, &Self::get_versions);
    bound.static_method({"set_num_threads", {"count"}}, &Self::set_num_threads);
    bound.static_method({"get_num_threads"}, &Self::get_num_threads);
    bound.static_method({"set_log_level", {"level"}}, &Self::set_log_level);
    bound.static_method({"load_library", {"path"}}, &Self::load_library);
}

}  // namespace godot_executorch::godot
