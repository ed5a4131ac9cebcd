#include "base/json_member.hpp"
#include "gateway/openapi.hpp"
#include "openapi_template.hpp"

namespace millrace::gateway {
namespace {

// Addresses have \u0040 for their @, which would begin a filling. @p@: the prefix; @i@:
// the end of each operationId.
constexpr std::string_view kPaths = R"json(
"@p@/auth/register": {"post": {"operationId": "AuthController_register@i@", "tags": ["Authentication"], "summary": "Register a new user",
  "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RegisterDto"},
    "example": {"email": "ada\u0040example.org", "password": "password123", "name": "Ada"}}}},
  "responses": {
    "201": {"description": "the new user", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/UserRto"}, "example": @user@}}},
    "400": {"$ref": "#/components/responses/Invalid"}, "409": {"$ref": "#/components/responses/EmailTaken"},
    "429": {"$ref": "#/components/responses/TooMany"}, "500": {"$ref": "#/components/responses/NoAnswer"}, "503": {"$ref": "#/components/responses/Away"}}}},
"@p@/auth/login": {"post": {"operationId": "AuthController_login@i@", "tags": ["Authentication"], "summary": "Log in with e-mail and password",
  "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/LoginDto"},
    "example": {"email": "ada\u0040example.org", "password": "password123"}}}},
  "responses": {
    "200": {"description": "token and user", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/LoginRto"}}}},
    "400": {"$ref": "#/components/responses/Invalid"}, "401": {"$ref": "#/components/responses/Unauthorized"},
    "404": {"$ref": "#/components/responses/NoUser"}, "429": {"$ref": "#/components/responses/TooMany"},
    "500": {"$ref": "#/components/responses/NoAnswer"}, "503": {"$ref": "#/components/responses/Away"}}}},
"@p@/auth/users": {"get": {"operationId": "AuthController_getUsers@i@", "tags": ["Users"], "summary": "All users", "security": [{"bearer": []}],
  "responses": {
    "200": {"description": "every user, kept 30 s for each caller", "headers": {"X-Cache": {"$ref": "#/components/headers/Cache"}},
      "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/UserRto"}}, "example": [@user@]}}},
    "401": {"$ref": "#/components/responses/Unauthorized"}, "429": {"$ref": "#/components/responses/TooMany"},
    "500": {"$ref": "#/components/responses/NoAnswer"}, "503": {"$ref": "#/components/responses/Away"}}}},
"@p@/auth/me": {"get": {"operationId": "AuthController_getProfile@i@", "tags": ["Users"], "summary": "The user of the token", "security": [{"bearer": []}],
  "responses": {
    "200": {"description": "the user, kept 5 s for each caller", "headers": {"X-Cache": {"$ref": "#/components/headers/Cache"}},
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/UserRto"}, "example": @user@}}},
    "401": {"$ref": "#/components/responses/Unauthorized"}, "429": {"$ref": "#/components/responses/TooMany"},
    "500": {"$ref": "#/components/responses/NoAnswer"}, "503": {"$ref": "#/components/responses/Away"}}}},
"@p@/health": {"get": {"operationId": "HealthController_check@i@", "tags": ["Health"], "summary": "This gateway and the authentication service",
  "responses": {
    "200": {"description": "both are up", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/health"},
      "example": {"status": "ok", "info": {"gateway-http": {"status": "up"}, "auth-microservice-tcp": {"status": "up"}}, "error": {},
        "details": {"gateway-http": {"status": "up"}, "auth-microservice-tcp": {"status": "up"}}}}}},
    "503": {"description": "one is down", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/health"}}}}}}}
)json";

constexpr std::string_view kUser = R"({"id": "65b8e3f0a1b2c3d4e5f60718",
  "email": "ada\u0040example.org", "name": "Ada", "createdAt": "2026-01-31T10:00:00.000Z",
  "updatedAt": "2026-01-31T10:00:00.000Z"})";

constexpr std::string_view kComponents = R"json(
"RegisterDto": {"type": "object", "required": ["email", "password"], "additionalProperties": false, "properties": {
  "email": {"type": "string", "format": "email"}, "password": {"type": "string", "minLength": 8},
  "name": {"type": "string"}, "username": {"type": "string", "description": "another word for name"}}},
"LoginDto": {"type": "object", "required": ["email", "password"], "additionalProperties": false, "properties": {
  "email": {"type": "string", "format": "email"}, "password": {"type": "string"}}},
"UserRto": {"type": "object", "required": ["id", "email", "createdAt", "updatedAt"], "properties": {
  "id": {"type": "string", "pattern": "^[0-9a-f]{24}$"}, "email": {"type": "string", "format": "email"},
  "name": {"type": "string", "description": "absent where it is not set"},
  "createdAt": {"type": "string", "format": "date-time"}, "updatedAt": {"type": "string", "format": "date-time"}}},
"LoginRto": {"type": "object", "required": ["accessToken", "user"], "properties": {
  "accessToken": {"type": "string", "description": "JWT, HS256"}, "user": {"$ref": "#/components/schemas/UserRto"}}},
"Error": {"type": "object", "required": ["statusCode", "message", "error", "timestamp", "path"], "properties": {
  "statusCode": {"type": "integer"}, "message": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
  "error": {"type": "string"}, "details": {}, "timestamp": {"type": "string", "format": "date-time"}, "path": {"type": "string"}}},
)json";

constexpr std::string_view kHeadersAndResponses = R"json(
"headers": {
  "Cache": {"description": "whether the answer was kept", "schema": {"type": "string", "enum": ["HIT", "MISS"]}},
  "RetryAfter": {"description": "seconds", "schema": {"type": "integer"}}},
"responses": {
  "Invalid": {"description": "every broken rule of the body", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
  "Unauthorized": {"description": "the token or password, and why", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
  "NoUser": {"description": "nobody has this e-mail", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
  "EmailTaken": {"description": "Email already exists", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
  "TooMany": {"description": "too many calls of one address", "headers": {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
  "NoAnswer": {"description": "the authentication service does not answer", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
  "Away": {"description": "the authentication service is not there", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
)json";

}  // namespace

std::string OpenApiDocumentOfR0() {
  std::string out = R"({"openapi":"3.1.0","info":{"title":"Monorepo API Gateway",)"
                    R"("version":"1.0"},"tags":[{"name":"Authentication"},)"
                    R"({"name":"Users"},{"name":"Health"}],"paths":{)";
  const std::string user(kUser);
  out += Fill(kPaths, {{"p", "/api"}, {"i", ""}, {"user", user}}, true) + ',';
  out += Fill(kPaths, {{"p", ""}, {"i", "_without_prefix"}, {"user", user}}, true) + ',';
  out.append(kOperatorPaths).append("},\"components\":{\"schemas\":{");
  out.append(kComponents).append(kCommonSchemas).append("},");
  return out.append(kHeadersAndResponses).append("}}");
}

}  // namespace millrace::gateway
