#pragma once

#include "pipeline/dead_letters.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::app {

/// The dead letters as the table `dead_letters`, whatever their state; `letters` null:
/// there are none. kResourceExhausted when they are too many to be read as a whole.
warehouse::GuestTable LetterTable(pipeline::DeadLetters* letters);

}  // namespace millrace::app
