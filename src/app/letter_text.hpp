#pragma once

#include <string>
#include <string_view>

namespace millrace::app {

// Dead letters for people, made of the JSON that scripts get.

/// Two lines: what and why.
std::string LetterLine(std::string_view letter);
/// Everything that is known of one.
std::string LetterPage(std::string_view letter);
/// The report of a mend: what changes, member by member, and what it comes to.
std::string MendText(std::string_view report);
/// How a redrive ended; `letters` are those that died again.
std::string RedriveText(std::string_view progress);

}  // namespace millrace::app
