#include "core/status.h"

#include <cstdio>

#include "core/captured_log.h"

namespace godot_executorch {
namespace {

struct Entry {
    int code;
    const char* name;
    const char* remedy;
};

constexpr Entry kEntries[] = {
    {0x01, "Internal", "Import the model again; if that does not help, report the model."},
    {0x02, "InvalidState", "Check that the model's external weights (.ptd) are given, then load it again."},
    {0x10, "NotSupported", "Give each input a shape that the model takes."},
    {0x11, "NotImplemented", "Import the model with another recipe."},
    {0x12, "InvalidArgument", "Compare the names, types and sizes of the inputs with those of the model."},
    {0x13, "InvalidType", "Compare the types of the inputs with those of the model."},
    {0x14, "OperatorMissing", "Load the library that has the operator (load_library) or import the model again."},
    {0x20, "NotFound", "Check the name; a backend that is missing here must be linked or loaded as a library."},
    {0x21, "MemoryAllocationFailed", "Raise the memory limit or choose the AUTO policy."},
    {0x22, "AccessFailed", "Check that the file can be read."},
    {0x23, "InvalidProgram", "The file is damaged: import the model again."},
    {0x24, "InvalidExternalData", "Give the .ptd file that was written together with this .pte."},
    {0x25, "OutOfResources", "Close other sessions."},
    {0x30, "DelegateInvalidCompatibility", "The backend's data is of another version: import the model again."},
    {0x31, "DelegateMemoryAllocationFailed", "Free memory, or use a smaller model."},
    {0x32, "DelegateInvalidHandle", "Load the model again."},
    {0x100, "NOT_LOADED", "Load a model first."},
    {0x101, "FILE_UNREADABLE", "Check the path and that the file is readable."},
    {0x102, "NOT_A_PROGRAM", "Give a .pte file; import a .pt file through the editor first."},
    {0x103, "HASH_MISMATCH", "Import the model again."},
    {0x104, "UNKNOWN_METHOD", "Use one of get_method_names()."},
    {0x105, "UNKNOWN_INPUT", "Use the names of the model's inputs."},
    {0x106, "MISSING_INPUT", "Give every input of the model."},
    {0x107, "WRONG_INPUT_COUNT", "Give every input, in the order of the model."},
    {0x108, "WRONG_DTYPE", "Give values of the type that is expected."},
    {0x109, "WRONG_SHAPE", "Give values of the shape that is expected."},
    {0x10A, "VALUE_OUT_OF_RANGE", "Give values that the dtype can hold."},
    {0x10B, "MEMORY_LIMIT_EXCEEDED", "Raise the memory limit to what the cause names."},
    {0x10C, "FATAL_CHECK", "Load the model again; if it happens again, the file is damaged."},
    {0x10D, "OPERATOR_MISSING", "Load the library that has the operator, or import the model again."},
    {0x10E, "BACKEND_MISSING", "Import the model for a backend of get_backends(), or load the library that has it."},
    {0x10F, "LIBRARY_NOT_LOADED", "Check the path and that the library is built for this platform."},
    {0x110, "INVALID_OPTION", "Give one of the values that the cause names."},
    {0x111, "FILE_CHANGED", "Load the model again; write new versions to another file and rename it."},
    {0x112, "STRUCTURE_INVALID", "The file is damaged or malicious: do not load it."},
    {0x113, "TOKENIZER_INVALID", "Give a tokenizer.json as the tokenizers library writes it."},
    {0x114, "TOKENIZER_UNSUPPORTED", "Use a tokenizer made of the parts that docs/tasks.md of the addon lists."},
};

const Entry* find(int code) {
    for (const Entry& entry : kEntries) {
        if (entry.code == code) {
            return &entry;
        }
    }
    return nullptr;
}

std::unique_ptr<Failure> make(int code, std::string cause, std::string remedy) {
    auto failure = std::make_unique<Failure>();
    failure->code = code;
    failure->cause = std::move(cause);
    failure->remedy = std::move(remedy);
    if (const Entry* entry = find(code)) {
        failure->name = entry->name;
        if (failure->remedy.empty()) {
            failure->remedy = entry->remedy;
        }
    } else {
        char text[16];
        std::snprintf(text, sizeof text, "Error0x%X", static_cast<unsigned>(code));
        failure->name = text;
    }
    return failure;
}

}  // namespace

Status::Status(Code code, std::string cause, std::string remedy)
    : failure_(make(static_cast<int>(code), std::move(cause), std::move(remedy))) {
}

Status::Status(executorch::runtime::Error error, const std::string& doing) {
    // ExecuTorch returns only a number; the text is in its log.
    std::string cause = doing;
    const std::string detail = take_captured_log();
    if (!detail.empty()) {
        cause += ": " + detail;
    }
    failure_ = make(static_cast<int>(error), std::move(cause), {});
}

Status Status::within(const std::string& where) && {
    if (failure_ != nullptr) {
        failure_->cause.insert(0, where);
    }
    return std::move(*this);
}

}  // namespace godot_executorch
