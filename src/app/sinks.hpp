#pragma once

#include <memory>
#include <string>

#include "lake/lake_writer.hpp"
#include "objects/object_store.hpp"
#include "pipeline/pipelines.hpp"
#include "sql/engine.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::app {

/// What sinks are made of; all of it outlives the pipelines.
struct SinkParts {
  warehouse::Warehouse* warehouse = nullptr;  ///< null: no table sink in the project
  objects::ObjectStore& lake;
  sql::Engine& engine;    ///< writes Parquet; may use the lake's folder
  std::string writer_id;  ///< another one for each start of the process
  std::uint32_t row_group_rows = 122'880;
};

/// Sinks over the warehouse and the lake. `parts` outlives the factory.
pipeline::SinkFactory MakeSinkFactory(const SinkParts& parts);

}  // namespace millrace::app
