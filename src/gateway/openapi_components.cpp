#include "openapi_template.hpp"

namespace millrace::gateway {

const std::string_view kParameters = R"json(
"order": {"name": "order", "in": "query", "description": "names with .asc or .desc, by comma; the key, rising, without it", "schema": {"type": "string"}},
"limit": {"name": "limit", "in": "query", "description": "most items of the page", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}},
"cursor": {"name": "cursor", "in": "query", "description": "next_cursor of the page before, with the same filters and order", "schema": {"type": "string"}},
"if_match": {"name": "If-Match", "in": "header", "description": "only while the record has this version, as in ETag; * for: only if it exists", "schema": {"type": "string"}},
"if_none_match": {"name": "If-None-Match", "in": "header", "description": "304 while the record has this version, as in ETag", "schema": {"type": "string"}},
"idempotency_key": {"name": "Idempotency-Key", "in": "header", "description": "the same request again under it has the first one's answer and no second effect, for 24 hours", "schema": {"type": "string", "minLength": 1, "maxLength": 257}},
"snapshot": {"name": "snapshot", "in": "query", "description": "begin with the records that exist", "schema": {"type": "boolean", "default": false}},
"last_event_id": {"name": "last_event_id", "in": "query", "description": "go on behind the message of this id", "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
"last_event_id_header": {"name": "Last-Event-ID", "in": "header", "description": "the same; what browsers send when they connect again", "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
"at_least": {"name": "at_least", "in": "query", "description": "wait until the table shows every change up to this version, 10 s at most", "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
"from": {"name": "from", "in": "query", "description": "offset of the first event", "schema": {"type": "integer", "minimum": 0, "default": 0}},
"offset_cursor": {"name": "cursor", "in": "query", "description": "next_cursor of the page before", "schema": {"type": "string"}},
"event_id": {"name": "event_id", "in": "query", "description": "id of the one event: sent again it is a duplicate", "schema": {"type": "string", "maxLength": 512}},
"event_id_prefix": {"name": "event_id_prefix", "in": "query", "description": "with lines: events without an id get this, `:` and the number of their line", "schema": {"type": "string", "maxLength": 512}}
)json";

const std::string_view kHeaders = R"json(
"etag": {"description": "the record's version, quoted", "schema": {"type": "string"}},
"location": {"description": "path of the record", "schema": {"type": "string"}},
"position": {"description": "version to wait for elsewhere, or that holds here", "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
"retry_after": {"description": "seconds until it may work", "schema": {"type": "integer", "minimum": 1}},
"authenticate": {"description": "how to come in", "schema": {"type": "string"}}
)json";

const std::string_view kResponses = R"json(
"400": {"description": "body, parameter or header is not valid; every problem is named", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"},
  "example": {"type": "urn:millrace:error:invalid_argument", "title": "The request is not valid", "status": 400, "detail": "1 bad field", "errors": [{"pointer": "/amount", "detail": "is required"}]}}}},
"401": {"description": "no valid credentials", "headers": {"WWW-Authenticate": {"$ref": "#/components/headers/authenticate"}}, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"403": {"description": "no rule permits it", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"404": {"description": "no such thing, or not for this caller", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"409": {"description": "a key or unique value is taken", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"412": {"description": "If-Match does not hold", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"413": {"description": "too large", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"422": {"description": "the idempotency key is another request's", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"429": {"description": "beyond a limit", "headers": {"Retry-After": {"$ref": "#/components/headers/retry_after"}}, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"503": {"description": "not now", "headers": {"Retry-After": {"$ref": "#/components/headers/retry_after"}}, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"504": {"description": "not finished in time", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"507": {"description": "no room: nothing was stored", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}},
"appended": {"description": "durable", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/appended"}}}},
"all_duplicates": {"description": "every one was there already", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/appended"}}}},
"partly_appended": {"description": "some lines were refused, the others are durable", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/appended"}}}}
)json";

const std::string_view kCommonSchemas = R"json(
"problem": {"type": "object", "description": "RFC 9457", "required": ["type", "title", "status"], "properties": {
  "type": {"type": "string", "format": "uri"}, "title": {"type": "string"}, "status": {"type": "integer"},
  "detail": {"type": "string"}, "instance": {"type": "string"}, "request_id": {"type": "string"},
  "trace_id": {"type": "string", "description": "of the request's traceparent"},
  "errors": {"type": "array", "items": {"$ref": "#/components/schemas/field_problem"}}}},
"field_problem": {"type": "object", "required": ["pointer", "detail"], "properties": {
  "pointer": {"type": "string", "description": "JSON Pointer into the body, or the parameter's name"}, "detail": {"type": "string"}}},
"health": {"type": "object", "required": ["status", "info", "error", "details"], "properties": {
  "status": {"type": "string", "enum": ["ok", "error"]}, "info": {"type": "object"}, "error": {"type": "object"}, "details": {"type": "object"}}},
"ready": {"type": "object", "required": ["ready", "parts"], "properties": {"ready": {"type": "boolean"},
  "parts": {"type": "array", "items": {"type": "object", "required": ["name", "ready"], "properties": {
    "name": {"type": "string"}, "ready": {"type": "boolean"}, "reason": {"type": "string"}}}}}}
)json";

const std::string_view kSchemas = R"json(
"next_cursor": {"type": ["string", "null"], "description": "null on the last page"},
"field": {"type": "object", "required": ["name", "type", "required"], "properties": {
  "name": {"type": "string"}, "type": {"type": "string"}, "required": {"type": "boolean"}, "default": {}, "min": {}, "max": {},
  "in": {"type": "array"}, "max_length": {"type": "integer"}, "generated": {"type": "boolean"}}},
"collection": {"type": "object", "required": ["collection", "key", "fields", "system"], "properties": {
  "collection": {"type": "string"}, "key": {"type": "string"},
  "fields": {"type": "array", "items": {"$ref": "#/components/schemas/field"}},
  "system": {"type": "object", "description": "the names of what is added to every record", "additionalProperties": {"type": "string"}}}},
"stream": {"type": "object", "required": ["stream", "format", "fields", "first", "next", "bytes"], "properties": {
  "stream": {"type": "string"}, "format": {"type": "string", "enum": ["json", "raw"]},
  "fields": {"type": "array", "items": {"$ref": "#/components/schemas/field"}},
  "first": {"type": "integer"}, "next": {"type": "integer"}, "bytes": {"type": "integer"}}},
"stored_event": {"type": "object", "required": ["offset"], "properties": {
  "offset": {"type": "integer"}, "_id": {"type": "string"}, "_ts": {"type": "string", "format": "date-time"}, "event": {"type": "object"}}},
"accepted_event": {"type": "object", "required": ["event_id", "offset", "duplicate"], "properties": {
  "event_id": {"type": "string"}, "offset": {"type": "integer"}, "duplicate": {"type": "boolean"}}},
"appended": {"oneOf": [{"$ref": "#/components/schemas/accepted_event"},
  {"type": "object", "required": ["accepted", "duplicates", "refused", "events", "errors"], "properties": {
    "accepted": {"type": "integer"}, "duplicates": {"type": "integer"}, "refused": {"type": "integer"},
    "events": {"type": "array", "items": {"$ref": "#/components/schemas/accepted_event"}},
    "errors": {"type": "array", "items": {"type": "object", "required": ["line", "detail"], "properties": {
      "line": {"type": "integer"}, "detail": {"type": "string"}, "errors": {"type": "array", "items": {"$ref": "#/components/schemas/field_problem"}}}}}}}]},
"table": {"type": "object", "required": ["table", "key", "columns"], "properties": {
  "table": {"type": "string"}, "key": {"type": "string"},
  "columns": {"type": "array", "items": {"type": "object", "required": ["name", "type"], "properties": {"name": {"type": "string"}, "type": {"type": "string"}}}},
  "base_rows": {"type": "integer"}, "delta_rows": {"type": "integer"}, "merges": {"type": "integer"},
  "last_merge_seconds": {"type": "number"}, "worst_merge_seconds": {"type": "number"}}}
)json";

}  // namespace millrace::gateway
