#pragma once

#include "pipeline/dead_letters.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::app {

/// The dead letters as the table `dead_letters`, whatever their state, read page by page;
/// `letters` null: there are none.
warehouse::GuestTable LetterTable(pipeline::DeadLetters* letters);

}  // namespace millrace::app
