#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace millrace {

using Uuid = std::array<std::uint8_t, 16>;

/// Lower-case 8-4-4-4-12.
void AppendUuid(std::string& out, const Uuid& uuid);
/// Any case; only the 36-character form.
Result<Uuid> ParseUuid(std::string_view text);

/// Makes ids that never run backwards, whatever the clock does: the time part is
/// max(now, last), ties broken by a counter. One thread. `floor_ms` is where the data
/// directory stopped last time (0 for a new one); Last() is what to keep.
class IdMaker {
 public:
  IdMaker(const Clock& clock, std::int64_t floor_ms);
  /// RFC 9562 version 7: ms, 12-bit counter in rand_a, 62 random bits.
  Uuid UuidV7();
  /// 24 hex digits: seconds, 5 random bytes of this process, 3-byte counter.
  std::string ObjectId();
  std::int64_t last_ms() const { return last_ms_; }

 private:
  std::uint64_t Random();

  const Clock& clock_;
  std::int64_t last_ms_;
  std::uint32_t counter_ = 0;
  std::uint32_t object_counter_ = 0;
  std::int64_t object_seconds_ = 0;
  std::array<std::uint8_t, 5> process_{};
  std::array<std::uint64_t, 32>
      random_{};  ///< bought in bulk: a system call an id is dear
  std::size_t random_at_ = 32;
};

}  // namespace millrace
