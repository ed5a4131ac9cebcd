#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace {

/// 128 bit signed; -Wpedantic dislikes the bare name.
__extension__ typedef __int128 Int128;

/// Exact decimals as scaled integers. `precision` 1..38, `scale` 0..precision.
/// Accepts "-12.30", "1e3", ".5" is refused (JSON grammar for numbers). Digits that do
/// not fit the scale or precision are refused, never rounded ("1.230" fits scale 2:
/// trailing zeros are not digits that count).
Result<Int128> ParseDecimal(std::string_view text, int precision, int scale);

/// Always `scale` digits after the point: (1250, 2) → "12.50"; scale 0: no point.
void AppendDecimal(std::string& out, Int128 unscaled, int scale);

}  // namespace millrace
