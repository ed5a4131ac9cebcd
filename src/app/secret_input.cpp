#include "secret_input.hpp"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

#include "base/file.hpp"

namespace millrace::app {
namespace {

/// While it lives the terminal shows nothing of what is typed.
class Silence {
 public:
  Silence() {
    ::tcgetattr(STDIN_FILENO, &before_);
    auto quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }

 private:
  termios before_{};
};

std::string AskOnce(const std::string& prompt) {
  fmt::print(stderr, "{}: ", prompt);
  std::string line;
  std::getline(std::cin, line);
  fmt::print(stderr, "\n");
  return line;
}

}  // namespace

Result<std::string> ReadSecret(const std::filesystem::path& file) {
  std::string line;
  if (file == "-") {
    std::getline(std::cin, line);
  } else {
    constexpr std::uint64_t kMost = 64u << 10u;
    MR_TRY(const auto text, ReadFile(file, kMost));
    line = text.substr(0, text.find('\n'));
  }
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) return Fail(ErrorCode::kInvalidArgument, file.string() + " is empty");
  return line;
}

Result<std::string> AskSecret(const std::string& what, const std::string& flag) {
  if (::isatty(STDIN_FILENO) == 0)
    return Fail(ErrorCode::kInvalidArgument,
                "give the " + what + " with " + flag + " FILE (- is standard input)");
  const Silence silence;
  auto first = AskOnce(what);
  if (AskOnce(what + " again") != first)
    return Fail(ErrorCode::kInvalidArgument, "the two differ");
  return first;
}

}  // namespace millrace::app
