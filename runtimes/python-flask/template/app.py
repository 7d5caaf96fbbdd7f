from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/")
def hello():
    return jsonify(message=f"Hello, {request.args.get('name', 'world')}!")


@app.post("/")
def post():
    """Calls with a JSON body arrive here, and events, as CloudEvents: { specversion, id, source, type, time, data }."""
    body = request.get_json(force=True, silent=True)
    body = body if isinstance(body, dict) else {}
    if request.content_type and request.content_type.startswith("application/cloudevents+json"):
        print(f"got the event {body['type']}")
        body = body.get("data") or {}
    name = body.get("name") if isinstance(body, dict) else None
    return jsonify(message=f"Hello, {name or 'world'}!")
