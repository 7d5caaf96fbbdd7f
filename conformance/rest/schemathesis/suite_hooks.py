"""What no schema can say, for Schemathesis: what makes a valid archive or event, and which valid requests may be refused."""

import io
import tarfile
import zipfile

import schemathesis
from hypothesis import strategies as st

CODE = "exports.handler = async (event) => event.data;"


def a_zip(name):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr(name, CODE)
    return archive.getvalue()


def a_tar(name):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as bundle:
        entry = tarfile.TarInfo(name)
        entry.size = len(CODE)
        bundle.addfile(entry, io.BytesIO(CODE.encode()))
    return archive.getvalue()


names = st.sampled_from(["index.js", "src/index.mjs", "a b.js"])
zips, tars = names.map(a_zip), names.map(a_tar)
schemathesis.openapi.media_type("application/zip", zips)
schemathesis.openapi.media_type("application/gzip", tars)
schemathesis.openapi.media_type("application/octet-stream", st.one_of(zips, tars))
schemathesis.openapi.format("git-url", st.sampled_from(["https://git.example.com/shop.git", "ssh://git@git.example.com/shop.git", "git@git.example.com:shop.git"]))


def has(container, name):
    return any(key.lower() == name for key in container or {})


def manifest_beyond(case):
    """A manifest, a command without a program, or more replicas than this machine has memory for."""
    body = case.body if isinstance(case.body, dict) else {}
    command = body.get("command") or ["program"]
    return body.get("manifest") is not None or command[0] == "" or (body.get("replicas") or 0) > 100


def event_beyond(case):
    """Binary mode without its headers, or an extension of 1.0: an integer to JSON Schema, and none to CloudEvents."""
    if not case.media_type.startswith("application/cloudevents"):
        return True
    events = case.body if isinstance(case.body, list) else [case.body]
    return any(type(value) is float for event in events if isinstance(event, dict) for name, value in event.items() if name != "data")


# A request that fits the description, and is refused for a reason that a schema cannot say: operation, code, and when.
BEYOND_SCHEMAS = {
    # A cursor is opaque: only those that a page came with are good.
    ("listFunctions", "bad_page"): lambda case: has(case.query, "after"),
    ("listDeadLetters", "bad_page"): lambda case: has(case.query, "after"),
    # Cron patterns, time zones, handlers that do not go with the runtime, and what this machine has not got.
    ("createFunction", "bad_manifest"): manifest_beyond,
    # The query and the body name different namespaces.
    ("createFunction", "bad_query"): lambda case: has(case.query, "namespace") and has(case.body, "namespace"),
    # The id is a UUID, unless `function` says that it is the caller's own name for a call.
    ("getRun", "bad_id"): lambda case: not has(case.query, "function"),
    ("publishEvents", "bad_event"): event_beyond,
    # A form whose file has no name, or is no archive.
    ("uploadBundle", "bad_bundle"): lambda case: case.media_type == "multipart/form-data",
    # An address that the server may not call.
    ("invokeFunction", "bad_callback"): lambda case: has(case.headers, "x-callback-url"),
}


@schemathesis.hook
def before_call(context, case, kwargs):
    # A log that is followed has no end.
    if case.query and str(case.query.get("follow")).lower() == "true":
        case.query = {**case.query, "follow": "false"}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    try:
        code = response.json()["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return True
    excuses = BEYOND_SCHEMAS.get((case.operation.definition.raw.get("operationId"), code))
    return excuses is None or not excuses(case)
