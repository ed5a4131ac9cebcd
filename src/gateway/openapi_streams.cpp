#include "openapi_template.hpp"

namespace millrace::gateway {

const std::string_view kStreamPaths = R"json(
"/api/streams/@s@/events": {
  "post": {
    "operationId": "append_@s@_events", "tags": ["@s@"], "summary": "Append events to @s@",
    "description": "One event, an array (all or none), or an event a line, each for itself. Answered when they survive a power cut.",
    "parameters": [{"$ref": "#/components/parameters/event_id_prefix"}],
    "requestBody": {"required": true, "content": {
      "application/json": {
        "schema": {"oneOf": [{"$ref": "#/components/schemas/event.@s@"},
          {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/event.@s@"}}]},
        "example": @event@},
      "application/x-ndjson": {"schema": {"type": "string"}}}},
    "responses": {
      "200": {"$ref": "#/components/responses/all_duplicates"},
      "201": {"$ref": "#/components/responses/appended"},
      "207": {"$ref": "#/components/responses/partly_appended"},
      @errors 400 401 403 413 429 503 507@}},
  @read@}
)json";

const std::string_view kRawStreamPaths = R"json(
"/api/streams/@s@/events": {
  "post": {
    "operationId": "append_@s@_events", "tags": ["@s@"], "summary": "Append any bytes to @s@ as one event, or as an event a line",
    "description": "Answered when they survive a power cut.",
    "parameters": [{"$ref": "#/components/parameters/event_id"}, {"$ref": "#/components/parameters/event_id_prefix"}],
    "requestBody": {"required": true, "content": {
      "application/octet-stream": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}},
      "application/x-ndjson": {"schema": {"type": "string"}}}},
    "responses": {
      "200": {"$ref": "#/components/responses/all_duplicates"},
      "201": {"$ref": "#/components/responses/appended"},
      "207": {"$ref": "#/components/responses/partly_appended"},
      @errors 400 401 403 413 429 503 507@}},
  @read@}
)json";

const std::string_view kBuiltInStreamPaths = R"json(
"/api/streams/@s@/events": {
  @read@}
)json";

const std::string_view kReadEvents = R"json(
  "get": {
    "operationId": "read_@s@_events", "tags": ["@s@"], "summary": "Read events of @s@ in order",
    "parameters": [{"$ref": "#/components/parameters/from"}, {"$ref": "#/components/parameters/offset_cursor"},
      {"$ref": "#/components/parameters/limit"}],
    "responses": {
      "200": {"description": "events from that offset on", "content": {"application/json": {
        "schema": {"type": "object", "required": ["items", "next_cursor"], "properties": {
          "items": {"type": "array", "items": {"$ref": "#/components/schemas/stored_event"}},
          "next_cursor": {"$ref": "#/components/schemas/next_cursor"}}},
        "example": {"items": [], "next_cursor": null}}}},
      @errors 400 401 403 429 503@}}
)json";

const std::string_view kCollectionPaths = R"json(
"/api/collections": {
  "get": {
    "operationId": "list_collections", "tags": ["Project"], "summary": "What the project declares",
    "responses": {
      "200": {"description": "every collection", "content": {"application/json": {
        "schema": {"type": "object", "required": ["items", "next_cursor"], "properties": {
          "items": {"type": "array", "items": {"$ref": "#/components/schemas/collection"}},
          "next_cursor": {"type": "null"}}},
        "example": {"items": [], "next_cursor": null}}}},
      @errors 401 429@}}},
"/api/collections/{collection}": {
  "parameters": [{"name": "collection", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}],
  "get": {
    "operationId": "get_collection", "tags": ["Project"], "summary": "One collection and its fields",
    "responses": {
      "200": {"description": "the collection", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/collection"}}}},
      @errors 401 404 429@}}},
"/api/streams": {
  "get": {
    "operationId": "list_streams", "tags": ["Project"], "summary": "Streams, their fields and offsets",
    "responses": {
      "200": {"description": "every stream", "content": {"application/json": {
        "schema": {"type": "object", "required": ["items", "next_cursor"], "properties": {
          "items": {"type": "array", "items": {"$ref": "#/components/schemas/stream"}},
          "next_cursor": {"type": "null"}}},
        "example": {"items": [], "next_cursor": null}}}},
      @errors 401 429@}}},
"/api/streams/{stream}": {
  "parameters": [{"name": "stream", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}],
  "get": {
    "operationId": "get_stream", "tags": ["Project"], "summary": "One stream, its fields and offsets",
    "responses": {
      "200": {"description": "the stream", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/stream"}}}},
      @errors 401 404 429@}}},
"/api/tables": {
  "get": {
    "operationId": "list_tables", "tags": ["Tables"], "summary": "Tables that pipelines made, and those of the lake",
    "responses": {
      "200": {"description": "every table with its columns", "content": {"application/json": {
        "schema": {"type": "object", "required": ["items", "next_cursor"], "properties": {
          "items": {"type": "array", "items": {"$ref": "#/components/schemas/table"}},
          "next_cursor": {"type": "null"}}},
        "example": {"items": [], "next_cursor": null}}}},
      @errors 401 429 503@}}},
"/api/tables/{table}/rows": {
  "parameters": [{"name": "table", "in": "path", "required": true, "description": "a name of /api/tables", "schema": {"type": "string", "minLength": 1}}],
  "get": {
    "operationId": "list_table_rows", "tags": ["Tables"], "summary": "Rows of a table",
    "description": "Filters as in lists of records, by the table's columns.",
    "parameters": [
      {"name": "filters", "in": "query", "style": "form", "explode": true, "description": "column=operator.value, for each filter",
       "schema": {"type": "object", "additionalProperties": {"type": "string"}}},
      {"$ref": "#/components/parameters/at_least"}, {"$ref": "#/components/parameters/order"},
      {"$ref": "#/components/parameters/limit"}, {"$ref": "#/components/parameters/cursor"}],
    "responses": {
      "200": {"description": "a page of rows", "headers": {"X-Millrace-Position": {"$ref": "#/components/headers/position"}},
        "content": {"application/json": {
          "schema": {"type": "object", "required": ["items", "next_cursor"], "properties": {
            "items": {"type": "array", "items": {"type": "object"}},
            "next_cursor": {"$ref": "#/components/schemas/next_cursor"}}},
          "example": {"items": [], "next_cursor": null}}}},
      @errors 400 401 403 404 429 503 504@}}}
)json";

}  // namespace millrace::gateway
