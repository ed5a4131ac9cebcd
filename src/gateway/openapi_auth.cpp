#include "openapi_template.hpp"

namespace millrace::gateway {

// Addresses have \u0040 for their @, which would begin a filling.
const std::string_view kAuthPaths = R"json(
"/api/auth/sign-up": {"post": {"operationId": "sign_up", "tags": ["Users"], "summary": "Become a user, and log in", "security": [],
  "description": "Fields of the collection users go into its record.",
  "requestBody": {"required": true, "content": {"application/json": {
    "schema": {"type": "object", "required": ["email", "password"], "properties": {
      "email": {"type": "string", "format": "email"}, "password": {"type": "string", "minLength": 8, "maxLength": 1024}}},
    "example": {"email": "ada\u0040example.org", "password": "correct horse"}}}},
  "responses": {"201": {"$ref": "#/components/responses/grant"}, @errors 400 409 429 503@,
    "403": {"description": "nobody can sign up here", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}}}}},
"/api/auth/login": {"post": {"operationId": "log_in", "tags": ["Users"], "summary": "Log in with e-mail and password", "security": [],
  "requestBody": {"required": true, "content": {"application/json": {
    "schema": {"type": "object", "required": ["email", "password"], "additionalProperties": false, "properties": {
      "email": {"type": "string", "format": "email"}, "password": {"type": "string"}}},
    "example": {"email": "ada\u0040example.org", "password": "correct horse"}}}},
  "responses": {"200": {"$ref": "#/components/responses/grant"}, @errors 400 401 403 429 503@}}},
"/api/auth/refresh": {"post": {"operationId": "refresh", "tags": ["Users"], "summary": "New tokens for a refresh token, which is spent then", "security": [],
  "requestBody": {"required": true, "content": {"application/json": {
    "schema": {"type": "object", "required": ["refresh_token"], "additionalProperties": false, "properties": {"refresh_token": {"type": "string"}}}}}},
  "responses": {"200": {"$ref": "#/components/responses/grant"}, @errors 400 401 503@}}},
"/api/auth/logout": {"post": {"operationId": "log_out", "tags": ["Users"], "summary": "End the session of this token",
  "responses": {"204": {"description": "its tokens are worth nothing from now on"}, @errors 401 404@}}},
"/api/auth/me": {"get": {"operationId": "get_me", "tags": ["Users"], "summary": "The user of this token",
  "responses": {"200": {"description": "the user", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/user"}}}}, @errors 401@}}},
"/api/auth/password": {"post": {"operationId": "change_password", "tags": ["Users"], "summary": "Change the password; other sessions end",
  "requestBody": {"required": true, "content": {"application/json": {
    "schema": {"type": "object", "required": ["password", "new_password"], "additionalProperties": false, "properties": {
      "password": {"type": "string"}, "new_password": {"type": "string", "minLength": 8, "maxLength": 1024}}},
    "example": {"password": "correct horse", "new_password": "battery staple"}}}},
  "responses": {"204": {"description": "changed"}, @errors 400 401 429 503@}}},
"/api/auth/ticket": {"post": {"operationId": "get_live_ticket", "tags": ["Users"], "summary": "A ticket for a live subscription from a page",
  "description": "Neither EventSource nor WebSocket of a browser sends an Authorization header: `_ticket=` of the live route takes this in its place, once, within 30 s.",
  "responses": {"201": {"description": "the ticket", "content": {"application/json": {
    "schema": {"type": "object", "required": ["ticket", "expires_in"], "properties": {"ticket": {"type": "string"}, "expires_in": {"type": "integer"}}},
    "example": {"ticket": "9fJw3lqS…", "expires_in": 30}}}}, @errors 401 429 503@}}},
"/api/auth/sessions": {"get": {"operationId": "list_sessions", "tags": ["Users"], "summary": "Where this user is logged in",
  "responses": {"200": {"description": "every session", "content": {"application/json": {
    "schema": {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {"type": "object"}}}}}}}, @errors 401@}}},
"/api/auth/sessions/{id}": {
  "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}],
  "delete": {"operationId": "end_session", "tags": ["Users"], "summary": "End one session of this user",
    "responses": {"204": {"description": "ended"}, @errors 401 404@}}},
"/api/auth/introspect": {"post": {"operationId": "introspect_token", "tags": ["Tokens"], "summary": "What a token is worth (RFC 7662); for API keys and the role admin",
  "requestBody": {"$ref": "#/components/requestBodies/token"},
  "responses": {"200": {"description": "active or not", "content": {"application/json": {
    "schema": {"type": "object", "required": ["active"], "properties": {"active": {"type": "boolean"}}}, "example": {"active": false}}}}, @errors 400 401 403 503@}}},
"/api/auth/revoke": {"post": {"operationId": "revoke_token", "tags": ["Tokens"], "summary": "End the session that a token belongs to (RFC 7009)", "security": [],
  "requestBody": {"$ref": "#/components/requestBodies/token"},
  "responses": {"200": {"description": "it is worth nothing now, whatever it was", "content": {"application/json": {"schema": {"type": "object"}}}}, @errors 400 503@}}},
"/.well-known/jwks.json": {"get": {"operationId": "get_jwks", "tags": ["Tokens"], "summary": "Keys that access tokens are signed with", "security": [],
  "responses": {"200": {"description": "a JSON Web Key Set", "content": {"application/json": {
    "schema": {"type": "object", "required": ["keys"], "properties": {"keys": {"type": "array", "items": {"type": "object"}}}}}}}}}},
"/.well-known/openid-configuration": {"get": {"operationId": "get_discovery", "tags": ["Tokens"], "summary": "Where everything about tokens is", "security": [],
  "responses": {"200": {"description": "the discovery document", "content": {"application/json": {
    "schema": {"type": "object", "required": ["issuer", "jwks_uri"], "properties": {"issuer": {"type": "string"}, "jwks_uri": {"type": "string"}}}}}}}}}
)json";

const std::string_view kAuthResponses = R"json(
"grant": {"description": "tokens of a session", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/grant"}}}}
)json";

const std::string_view kAuthRequestBodies = R"json(
"token": {"required": true, "content": {
  "application/x-www-form-urlencoded": {"schema": {"type": "object", "required": ["token"], "properties": {"token": {"type": "string"}}}},
  "application/json": {"schema": {"type": "object", "required": ["token"], "properties": {"token": {"type": "string"}}}}}}
)json";

const std::string_view kAuthSchemas = R"json(
"user": {"type": "object", "description": "the record of the collection users, and what decides about rights", "required": ["id", "email", "role"], "properties": {
  "id": {"type": "string"}, "email": {"type": "string", "format": "email"}, "role": {"type": ["string", "null"]}, "tenant": {"type": ["string", "null"]}}},
"grant": {"type": "object", "required": ["access_token", "token_type", "expires_in", "refresh_token", "user"], "properties": {
  "access_token": {"type": "string", "description": "JWT, EdDSA"}, "token_type": {"type": "string", "enum": ["Bearer"]},
  "expires_in": {"type": "integer", "description": "seconds"}, "refresh_token": {"type": "string", "description": "for one use"},
  "user": {"$ref": "#/components/schemas/user"}}}
)json";

const std::string_view kSecuritySchemes = R"json(
"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "access_token of a login, or an API key"},
"api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "mr_…, made by an operator"}
)json";

}  // namespace millrace::gateway
