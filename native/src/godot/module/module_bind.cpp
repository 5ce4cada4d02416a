#include "godot/module/executorch_module.h"

namespace godot_executorch::godot {

void ExecuTorchModule::bind() {
    using Self = ExecuTorchModule;
    ClassBinding<Self> bound(kName);
    bound.method({"load_from_file", {"path", "options"}, {Dictionary()}}, &Self::load_from_file);
    bound.method({"load_from_buffer", {"data", "options"}, {Dictionary()}}, &Self::load_from_buffer);
    bound.method({"load_from_stream", {"reader", "options"}, {Dictionary()}}, &Self::load_from_stream);
    bound.method({"new_session"}, &Self::new_session);
    bound.method({"become_session_of", {"module"}}, &Self::become_session_of);
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
    bound.method({"forward_batch", {"rows"}}, &Self::forward_batch);
    bound.method({"begin_sliced", {"method", "inputs"}}, &Self::begin_sliced);
    bound.method({"reset_state"}, &Self::reset_state);
    bound.method({"configure_memory", {"policy", "limit_bytes"}, {0}}, &Self::configure_memory);
    bound.method({"set_memory_pool", {"pool"}}, &Self::set_memory_pool);
    bound.method({"set_optimization_level", {"level"}}, &Self::set_optimization_level);
    bound.method({"enable_profiling", {"enabled"}}, &Self::enable_profiling);
    bound.method({"get_profile"}, &Self::get_profile);
    bound.method({"save_etdump", {"path"}}, &Self::save_etdump);
    bound.method({"set_call_log", {"capacity"}}, &Self::set_call_log);
    bound.method({"take_call_log"}, &Self::take_call_log);
    bound.method({"record_inputs", {"calls"}}, &Self::record_inputs);
    bound.method({"take_recorded_inputs"}, &Self::take_recorded_inputs);
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
    bound.static_method({"keep_tried_files", {"path"}}, &Self::keep_tried_files);
    bound.static_method({"keep_packed_weights", {"folder", "least_bytes", "most_bytes"}}, &Self::keep_packed_weights);
    bound.static_method({"verify_file", {"path"}}, &Self::verify_file);
    bound.static_method({"get_file_identity", {"path"}}, &Self::get_file_identity);
    bound.static_method({"image_to_tensor",
                         {"image", "width", "height", "channels", "mean", "deviation", "layout", "frame", "padding"},
                         {"rgb", PackedFloat32Array(), PackedFloat32Array(), "NCHW", PackedInt32Array(), 0.0}},
                        &Self::image_to_tensor);
    bound.static_method({"tensor_to_pixels",
                         {"values", "width", "height", "channels", "mean", "deviation", "layout"},
                         {"rgb", PackedFloat32Array(), PackedFloat32Array(), "NCHW"}},
                        &Self::tensor_to_pixels);
    bound.static_method({"argmax", {"values", "row"}, {0}}, &Self::argmax);
    bound.static_method({"softmax", {"values", "row"}, {0}}, &Self::softmax);
    bound.static_method({"topk", {"values", "count"}}, &Self::topk);
    bound.static_method({"to_channels_last", {"values", "channels"}}, &Self::to_channels_last);
    bound.static_method({"to_channels_first", {"values", "channels"}}, &Self::to_channels_first);
}

}  // namespace godot_executorch::godot
