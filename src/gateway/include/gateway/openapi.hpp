#pragma once

#include <string>
#include <vector>

#include "schema/collection.hpp"

namespace millrace::gateway {

/// What a project serves, for its description.
struct ApiParts {
  struct StreamPart {
    const schema::Collection* events = nullptr;
    bool raw = false;
    bool built_in = false;  ///< it is only read
  };

  std::string title;
  std::string version;  ///< of the program
  std::vector<const schema::Collection*> collections;
  std::vector<StreamPart> streams;
  bool closed = false;  ///< it has users: their routes, 401 and 403, security schemes
};

/// The OpenAPI 3.1 document of a project, JSON. Every route that the project's router has
/// is in it and no other (tests/e2e/test_openapi.py compares the two), where a collection
/// or stream stands for itself: `/api/collections/orders/records`. An operationId is made
/// of the route and the name of its collection alone, so that it stays what it is.
/// Examples of bodies are accepted by the routes they stand at, as far as types say it.
std::string OpenApiDocument(const ApiParts& parts);

/// The document of R0's gateway.
std::string OpenApiDocumentOfR0();

}  // namespace millrace::gateway
