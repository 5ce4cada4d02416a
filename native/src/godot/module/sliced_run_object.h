#pragma once

#include <memory>

#include "core/session/session.h"
#include "godot/binding/binding.h"

namespace godot_executorch::godot {

/// A call that ExecuTorchModule.begin_sliced() made: advance() runs its next instructions. Of one thread.
class ExecuTorchNativeSlicedRun {
  public:
    static constexpr const char* kName = "ExecuTorchNativeSlicedRun";
    static void bind();

    explicit ExecuTorchNativeSlicedRun(GDExtensionObjectPtr) {}

    /// `module` is the object that has the session and lives as long.
    void begin(ObjectRef module, Session& session, std::shared_ptr<SlicedRun> run, std::shared_ptr<Dictionary> outputs);
    /// Runs instructions for so many microseconds, at least one; none while another thread calls the session. True when
    /// the call has ended.
    bool advance(double budget_us);
    /// By name; empty before the end, and when it failed.
    Dictionary get_outputs() const;
    /// {code, name, cause, remedy}; empty before the end, and when it worked.
    Dictionary get_error() const;

  private:
    ObjectRef module_;
    Session* session_ = nullptr;
    std::shared_ptr<Dictionary> outputs_;
    std::shared_ptr<SlicedRun> run_;
};

}  // namespace godot_executorch::godot
