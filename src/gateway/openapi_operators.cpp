#include "openapi_template.hpp"

namespace millrace::gateway {

const std::string_view kOperatorPaths = R"json(
"/livez": {"get": {"operationId": "get_live", "tags": ["Operations"], "summary": "The process runs", "security": [],
  "responses": {"200": {"description": "it does", "content": {"application/json": {
    "schema": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}, "example": {"status": "ok"}}}}}}},
"/readyz": {"get": {"operationId": "get_ready", "tags": ["Operations"], "summary": "Every part of the process, and why it is not ready", "security": [],
  "responses": {
    "200": {"description": "all are ready", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ready"}}}},
    "503": {"description": "some are not", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ready"}}}}}}},
"/metrics": {"get": {"operationId": "get_metrics", "tags": ["Operations"], "summary": "Metrics in the text form of Prometheus", "security": [],
  "responses": {"200": {"description": "every series", "content": {"text/plain": {"schema": {"type": "string"}}}}}}},
"/version": {"get": {"operationId": "get_version", "tags": ["Operations"], "summary": "Version of the program", "security": [],
  "responses": {"200": {"description": "the version", "content": {"application/json": {
    "schema": {"type": "object", "required": ["version"], "properties": {"version": {"type": "string"}}}}}}}}},
"/openapi.json": {"get": {"operationId": "get_openapi", "tags": ["Documentation"], "summary": "This document", "security": [],
  "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}}}}
)json";

}  // namespace millrace::gateway
