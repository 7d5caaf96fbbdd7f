"""Does by the generated client what a program does: signs in, registers, uploads, invokes, looks, and is refused."""

import io
import json
import sys
import zipfile

from eventflow import AuthenticatedClient, Client
from eventflow.api.auth import create_token, list_sign_in_methods
from eventflow.api.bundles import upload_bundle
from eventflow.api.dead_letters import list_dead_letters, purge_dead_letters
from eventflow.api.functions import create_function, delete_function, get_function, invoke_function, list_functions
from eventflow.api.health import get_readiness
from eventflow.api.runs import get_run
from eventflow.models import (
    Accepted,
    BundleForm,
    BundleSource,
    CloudEvent,
    Credentials,
    DeadLetterFilter,
    Error,
    FromBundle,
    FunctionStatus,
    NewFunction,
    Run,
)
from eventflow.types import File

url, dev_token = sys.argv[1:]
answers = 0


def check(condition, what):
    global answers
    answers += 1
    if not condition:
        raise AssertionError(f"not so: {what}")


nobody = Client(base_url=url)
check("dev_token" in list_sign_in_methods.sync(client=nobody).methods, "the server takes the development token")
token = create_token.sync(client=nobody, body=Credentials(username="admin", password="admin")).token
refused = list_functions.sync_detailed(client=nobody)
check(refused.status_code == 401 and isinstance(refused.parsed, Error), "nobody is let in")
check(refused.parsed.error.code == "unauthenticated", "with a reason")

client = AuthenticatedClient(base_url=url, token=token)
running = list_functions.sync(client=client, limit=10, status=FunctionStatus.RUNNING)
check([one.name for one in running] == ["hello"], "the demo function runs")
hello = get_function.sync("hello", client=client)
check(hello.status.value == "RUNNING", "it is found by its name")
check(isinstance(get_function.sync("none", client=client), Error), "another one is not")

archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as bundle:
    bundle.writestr("index.js", "exports.handler = async (event) => event.data;")
archive.seek(0)
form = BundleForm(file=File(payload=archive, file_name="typed.zip"))
uploaded = upload_bundle.sync(client=client, body=form)
check(uploaded.digest.startswith("sha256:"), "a bundle is uploaded")
source = FromBundle(bundle=BundleSource(digest=uploaded.digest))
made = create_function.sync(client=client, body=NewFunction(name="typed-too", source=source, replicas=0))
check(made.name == "typed-too" and made.status.value == "REGISTERED", "a function is registered")
check(delete_function.sync_detailed("typed-too", client=client).status_code == 204, "it is deregistered")

over = invoke_function.sync("hello", client=client, body={"n": 1}, wait="60s")
check(isinstance(over, Run) and over.state.value == "SUCCEEDED", "it was waited for")
check(get_run.sync(str(over.id), client=client).function_id == hello.id, "the run is that of the function")
event = CloudEvent(specversion="1.0", id="2", source="/typed", type_="typed.done", data={"n": 1})
# What is generated for a body that may be a list, too, asks `isinstance(body, list[CloudEvent])`, which Python refuses.
kind = {"Content-Type": "application/cloudevents+json"}
answer = client.get_httpx_client().post("/v1/events", content=json.dumps(event.to_dict()), headers=kind)
check(answer.status_code == 202, "an event is published")
check(Accepted.from_dict(answer.json()).events[0].duplicate is False, "and was not there before")
check(list_dead_letters.sync(client=client, limit=1) == [], "nothing is dead")
check(purge_dead_letters.sync(client=client, body=DeadLetterFilter(limit=10)).purged == 0, "nothing is purged")
check(get_readiness.sync(client=Client(base_url=url)).status.value in ("ready", "degraded"), "the server is ready")
check(json.loads(json.dumps(over.to_dict()))["id"] == str(over.id), "a run is JSON")
print(f"done: {answers} answers")
