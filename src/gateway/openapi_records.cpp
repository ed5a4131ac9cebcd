#include "openapi_template.hpp"

namespace millrace::gateway {

const std::string_view kRecordPaths = R"json(
"/api/collections/@c@/records": {
  "get": {
    "operationId": "list_@c@_records", "tags": ["@c@"], "summary": "List records of @c@",
    "description": "All filters must hold, and a field may have several. One page is one snapshot.",
    "parameters": [@filters@
      {"$ref": "#/components/parameters/order"}, {"$ref": "#/components/parameters/limit"},
      {"$ref": "#/components/parameters/cursor"}],
    "responses": {
      "200": {"description": "a page of records", "content": {"application/json": {
        "schema": {"type": "object", "required": ["items", "next_cursor"], "properties": {
          "items": {"type": "array", "items": {"$ref": "#/components/schemas/record.@c@"}},
          "next_cursor": {"$ref": "#/components/schemas/next_cursor"}}},
        "example": {"items": [@record@], "next_cursor": null}}}},
      @errors 400 401 403 429 503 504@}},
  "post": {
    "operationId": "create_@c@_records", "tags": ["@c@"], "summary": "Create one record of @c@, or several: all or none",
    "parameters": [{"$ref": "#/components/parameters/idempotency_key"}],
    "requestBody": {"required": true, "content": {"application/json": {
      "schema": {"oneOf": [{"$ref": "#/components/schemas/create.@c@"},
        {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/create.@c@"}}]},
      "example": @create@}}},
    "responses": {
      "201": {"description": "durable, and seen by the next read",
        "headers": {"ETag": {"$ref": "#/components/headers/etag"}, "Location": {"$ref": "#/components/headers/location"},
          "X-Millrace-Position": {"$ref": "#/components/headers/position"}},
        "content": {"application/json": {
          "schema": {"oneOf": [{"$ref": "#/components/schemas/record.@c@"},
            {"type": "array", "items": {"$ref": "#/components/schemas/record.@c@"}}]},
          "example": @record@}}},
      @errors 400 401 403 409 413 422 429 503 507@}}},
"/api/collections/@c@/records/{key}": {
  "parameters": [{"name": "key", "in": "path", "required": true, "description": "@key@ of the record", "schema": @key_schema@}],
  "get": {
    "operationId": "get_@c@_record", "tags": ["@c@"], "summary": "Read one record of @c@",
    "parameters": [{"$ref": "#/components/parameters/if_none_match"}],
    "responses": {
      "200": {"description": "the record", "headers": {"ETag": {"$ref": "#/components/headers/etag"}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/record.@c@"}, "example": @record@}}},
      "304": {"description": "it still has the version of If-None-Match"},
      @errors 401 403 404 429 503@}},
  "patch": {
    "operationId": "update_@c@_record", "tags": ["@c@"], "summary": "Change fields of one record of @c@ (merge patch, RFC 7396)",
    "parameters": [{"$ref": "#/components/parameters/if_match"}, {"$ref": "#/components/parameters/idempotency_key"}],
    "requestBody": {"required": true, "content": {"application/json": {
      "schema": {"$ref": "#/components/schemas/patch.@c@"}, "example": @patch@}}},
    "responses": {
      "200": {"description": "the record as it is now, durable",
        "headers": {"ETag": {"$ref": "#/components/headers/etag"}, "X-Millrace-Position": {"$ref": "#/components/headers/position"}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/record.@c@"}, "example": @record@}}},
      @errors 400 401 403 404 409 412 413 422 429 503 507@}},
  "put": {
    "operationId": "replace_@c@_record", "tags": ["@c@"], "summary": "Replace one record of @c@, but for its key",
    "parameters": [{"$ref": "#/components/parameters/if_match"}, {"$ref": "#/components/parameters/idempotency_key"}],
    "requestBody": {"required": true, "content": {"application/json": {
      "schema": {"$ref": "#/components/schemas/replace.@c@"}, "example": @replace@}}},
    "responses": {
      "200": {"description": "the record as it is now, durable",
        "headers": {"ETag": {"$ref": "#/components/headers/etag"}, "X-Millrace-Position": {"$ref": "#/components/headers/position"}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/record.@c@"}, "example": @record@}}},
      @errors 400 401 403 404 409 412 413 422 429 503 507@}},
  "delete": {
    "operationId": "delete_@c@_record", "tags": ["@c@"], "summary": "Delete one record of @c@",
    "parameters": [{"$ref": "#/components/parameters/if_match"}, {"$ref": "#/components/parameters/idempotency_key"}],
    "responses": {
      "204": {"description": "gone, durable", "headers": {"X-Millrace-Position": {"$ref": "#/components/headers/position"}}},
      @errors 400 401 403 404 412 422 429 503 507@}}},
"/api/collections/@c@/records/live": {
  "get": {
    "operationId": "follow_@c@_records", "tags": ["@c@"], "summary": "Follow the records of @c@ as they change",
    "description": "Server-sent events, or by WebSocket text frames {event, id, data} where the request asks for the upgrade. `record`: the record as it is now; `remove`: {key}; `reset`: forget everything, a snapshot follows; `ready`: the snapshot is complete.",
    "parameters": [@filters@
      {"$ref": "#/components/parameters/snapshot"}, {"$ref": "#/components/parameters/last_event_id"},
      {"$ref": "#/components/parameters/last_event_id_header"}],
    "responses": {
      "200": {"description": "messages without an end", "headers": {"X-Millrace-Position": {"$ref": "#/components/headers/position"}},
        "content": {"text/event-stream": {"schema": {"type": "string"},
          "example": "event: record\nid: 00000000000000000000000200000000\ndata: {}\n\n"}}},
      "101": {"description": "a WebSocket with the same messages"},
      @errors 400 401 403 429 503@}}}
)json";

}  // namespace millrace::gateway
