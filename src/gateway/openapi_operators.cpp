#include "openapi_template.hpp"

namespace millrace::gateway {

const std::string_view kHealthPath = R"json(
"/health": {"get": {"operationId": "get_health", "tags": ["Operations"], "summary": "Every part of the process, up or down", "security": [],
  "responses": {
    "200": {"description": "all are up", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/health"}}}},
    "503": {"description": "some are down", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/health"}}}}}}}
)json";

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
  "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}}}},
"/api/docs-json": {"get": {"operationId": "get_openapi_as_docs_json", "tags": ["Documentation"], "summary": "This document, where NestJS has it", "security": [],
  "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}}}},
"/api": {"get": {"operationId": "get_docs_redirect", "tags": ["Documentation"], "summary": "Leads to the documentation page", "security": [],
  "responses": {"302": {"description": "to /api/docs", "headers": {"Location": {"schema": {"type": "string"}}}}}}},
"/api/docs": {"get": {"operationId": "get_docs", "tags": ["Documentation"], "summary": "This page", "security": [],
  "responses": {"200": {"description": "the page", "content": {"text/html": {"schema": {"type": "string"}}}}}}},
"/api/docs/{asset}": {
  "parameters": [{"name": "asset", "in": "path", "required": true, "schema": {"type": "string", "enum": ["start.js", "swagger-ui-bundle.js", "swagger-ui.css"]}}],
  "get": {"operationId": "get_docs_asset", "tags": ["Documentation"], "summary": "What this page is made of", "security": [],
    "responses": {"200": {"description": "the file", "content": {"text/css": {"schema": {"type": "string"}}, "text/javascript": {"schema": {"type": "string"}}}},
      "404": {"description": "no such file", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}}}}}
)json";

}  // namespace millrace::gateway
