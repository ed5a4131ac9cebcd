#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "simulator/random.hpp"
#include "simulator/target.hpp"
#include "simulator/timetable.hpp"

namespace millrace::simulator {

/// Which shop is made dirty: whose collection, and whose events on the wire.
enum class Shape : std::uint8_t { kOrders, kShop };

struct DirtyOptions {
  Shape shape = Shape::kOrders;
  std::string collection;
  std::string stream;  ///< raw; takes what the collection would refuse
  Elapsed every{5'000};
};

/// Input as bad as life: every kind in turn, so that a round of kinds() makes each rule
/// fire. What the collection would take (blanks, negative amounts, dates to come) is
/// written there, everything else goes to the stream as an event on the wire. One thread.
class DirtyInput {
 public:
  DirtyInput(std::uint64_t seed, Target& target, const Clock& clock,
             DirtyOptions options);
  void Schedule(Timetable& timetable);

  /// Their names, in the order in which they come.
  static std::vector<std::string_view> Kinds();
  /// The next one; "dirty: <kind>".
  Done Next();

 private:
  Random random_;
  Target& target_;
  const Clock& clock_;
  const DirtyOptions options_;
  std::size_t next_ = 0;
};

}  // namespace millrace::simulator
