#pragma once

#include "project/door.hpp"
#include "values.hpp"

namespace millrace::project {

/// `limits`, `cors` and `trusted_proxies` of millrace.yaml.
Door ReadDoor(const Keys& keys, Report& report);

}  // namespace millrace::project
