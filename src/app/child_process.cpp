#include "child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "base/file.hpp"

namespace millrace::app {
namespace {

// One child at a time, and one place that may end it: a pid is only signalled while its
// RunSelf has not yet reaped it.
std::mutex child_mutex;
pid_t running_child = 0;
bool stopped = false;

[[noreturn]] void ExecSelf(const std::vector<std::string>& arguments, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;  // the parent may wait for its signals with all of them blocked
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(output, STDOUT_FILENO);
  std::vector<char*> argv;
  std::string name = "millrace";
  argv.push_back(name.data());
  for (const auto& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
  _exit(127);
}

std::string ReadAll(int fd) {
  std::string output;
  char buffer[1 << 16];
  for (;;) {
    const auto got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return output;
    output.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<pid_t> Start(const std::vector<std::string>& arguments, int output) {
  const std::lock_guard lock(child_mutex);
  if (stopped) return Fail(ErrorCode::kUnavailable, "shutting down");
  const pid_t child = fork();
  if (child < 0) return Fail(SystemError("fork", "/proc/self/exe", errno));
  if (child == 0) ExecSelf(arguments, output);
  running_child = child;
  return child;
}

int Reap(pid_t child) {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  const std::lock_guard lock(child_mutex);
  running_child = 0;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Result<ChildResult> RunSelf(const std::vector<std::string>& arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Fail(SystemError("pipe", "", errno));
  const auto child = Start(arguments, ends[1]);
  close(ends[1]);
  if (!child) {
    close(ends[0]);
    return Fail(child.error());
  }
  ChildResult result;
  result.output = ReadAll(ends[0]);
  close(ends[0]);
  const int status = Reap(*child);
  if (WIFSIGNALED(status)) {
    return Fail(ErrorCode::kUnavailable, "millrace " + arguments.front() +
                                             " was ended by signal " +
                                             std::to_string(WTERMSIG(status)));
  }
  result.exit_code = WEXITSTATUS(status);
  return result;
}

void StopChildren() {
  const std::lock_guard lock(child_mutex);
  stopped = true;
  if (running_child != 0) kill(running_child, SIGTERM);
}

}  // namespace millrace::app
