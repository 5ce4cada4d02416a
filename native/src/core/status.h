#pragma once

#include <executorch/runtime/core/error.h>

#include <memory>
#include <string>

namespace godot_executorch {

/// Our own error numbers; below 0x100 they are ExecuTorch's.
enum class Code : int {
    NotLoaded = 0x100,
    FileUnreadable = 0x101,
    NotAProgram = 0x102,
    HashMismatch = 0x103,
    UnknownMethod = 0x104,
    UnknownInput = 0x105,
    MissingInput = 0x106,
    WrongInputCount = 0x107,
    WrongDtype = 0x108,
    WrongShape = 0x109,
    ValueOutOfRange = 0x10A,
    MemoryLimitExceeded = 0x10B,
    FatalCheck = 0x10C,
    OperatorMissing = 0x10D,
    BackendMissing = 0x10E,
    LibraryNotLoaded = 0x10F,
    InvalidOption = 0x110,
    FileChanged = 0x111,
    StructureInvalid = 0x112,
    TokenizerInvalid = 0x113,
    TokenizerUnsupported = 0x114,
};

/// What went wrong (with expected and got) and what to do about it.
struct Failure {
    int code = 0;
    std::string name;
    std::string cause;
    std::string remedy;
};

/// Success, or a Failure. One pointer wide, so that success costs nothing.
class [[nodiscard]] Status {
  public:
    Status() = default;
    Status(Code code, std::string cause, std::string remedy = {});
    Status(executorch::runtime::Error error, const std::string& doing);

    bool ok() const { return failure_ == nullptr; }
    /// Only when not ok().
    const Failure& failure() const { return *failure_; }
    int code() const { return failure_ ? failure_->code : 0; }
    /// The same failure with `where` before its cause; success stays success.
    Status within(const std::string& where) &&;

  private:
    std::unique_ptr<Failure> failure_;
};

}  // namespace godot_executorch
