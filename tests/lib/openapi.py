"""OpenAPI documents from outside: is it one, does it say what is served, do bodies fit it."""

import json
import re
import tempfile

import millrace

# Fails with what is wrong. `checks` are [pointer of a schema, a value]; every example is one more.
VALIDATE = """
import json, sys
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
given = json.load(open(sys.argv[1]))
document = given["document"]
problems = [f"{list(error.absolute_path)}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
def check(what, schema, value):
    checker = Draft202012Validator({**schema, "components": document.get("components", {})}, format_checker=FormatChecker())
    problems.extend(f"{what}: {error.json_path}: {error.message}" for error in checker.iter_errors(value))
def examples(node, path):
    if isinstance(node, dict):
        if "example" in node and "schema" in node:
            check(path, node["schema"], node["example"])
            given["count"] = given.get("count", 0) + 1
        for key, value in node.items():
            examples(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            examples(value, f"{path}/{index}")
examples(document, "")
for pointer, value in given["checks"]:
    check(pointer, {"$ref": pointer}, value)
assert not problems, "\\n".join(problems)
print(given.get("count", 0))
"""


def validate(document, checks=()):
    """The document is OpenAPI 3.1, its examples and the values of `checks` fit their schemas; how many examples."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"document": document, "checks": list(checks)}, file)
        file.flush()
        return int(millrace.venv_python(VALIDATE, file.name, packages=millrace.OPENAPI))


METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def described(document, names):
    """(METHOD, pattern) of every operation, {parameter} names as the router has them; `names`: what stands for
    itself in the document ({"collection": {"orders", …}}), so that every one of them must have the operation."""
    found = {}
    for path, item in document["paths"].items():
        pattern, standing = path, None
        for parameter, all_names in names.items():
            match = re.match(rf"(/api/{parameter}s/)({'|'.join(map(re.escape, all_names)) or '$^'})(/.+)", path)
            if match:
                pattern, standing = f"{match[1]}{{{parameter}}}{match[3]}", (parameter, match[2])
        for method in item.keys() & set(METHODS):
            found.setdefault((method.upper(), pattern), set()).add(standing)
    for key, standing in found.items():
        if standing != {None}:
            parameter = next(iter(standing))[0]
            assert {name for _, name in standing} == set(names[parameter]), key
    return set(found)


def served(metrics):
    """(METHOD, pattern) of every route that the public router has: each has series from the start."""
    routes = set(re.findall(r'^http_requests_total\{route="([^"]+)",method="([A-Z]+)"', metrics, re.M))
    return {(method, route) for route, method in routes if not route.startswith("/admin/")}
