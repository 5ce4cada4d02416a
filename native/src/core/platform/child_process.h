#pragma once

#include <functional>
#include <string>

namespace godot_executorch {

enum class ChildEnd { Ran, Answered, Crashed, TookTooLong, NotStarted };

struct ChildReport {
    ChildEnd end = ChildEnd::Ran;
    std::string detail;  // the answer, how it crashed, or why it was not started
};

/// A copy of this process (a fork) that does one piece of work; a crash or a hang there is a result here.
class ChildProcess {
  public:
    /// Both processes return from it.
    ChildProcess();
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    bool is_child() const { return process_ == 0; }
    /// In the child: does `work`, which returns an answer or an empty text, and ends the process, after `seconds` at
    /// most.
    [[noreturn]] void work_and_end(int seconds, const std::function<std::string()>& work);
    /// In the parent: waits for the child's end. Once.
    ChildReport wait(int seconds);

  private:
    int process_ = -1;
    [[maybe_unused]] int answer_ = -1;  // the pipe's end in this process
    std::string not_started_;
};

}  // namespace godot_executorch
